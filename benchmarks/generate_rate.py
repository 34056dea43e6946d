"""How fast is `model.generate`? Against compiled code alone, and against one call of the model per token.

    OMP_NUM_THREADS=1 python benchmarks/generate_rate.py RUN [--length 10000]

RUN is a language model. The three take turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

import unrolled
from unrolled.decoding import Sampling, generate
from unrolled.decoding.frozen import draws

STEPS = 2000  # tokens of a turn with one call per token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--length", type=int, default=10_000, help="tokens of a turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    model = unrolled.load(options.run)
    frozen, length = model.model.freeze("float32"), options.length
    with torch.no_grad():
        logits, state = model.model(torch.zeros(1, 1, dtype=torch.long), None)

        def step(ids: np.ndarray, state: object) -> tuple[np.ndarray, object]:
            out, state = model.model(torch.from_numpy(ids)[None], state)
            return out[0].numpy(), state

        def calls() -> object:
            return list(generate(step, logits[0].numpy(), state, Sampling(seed=1), STEPS))

        work: dict[str, tuple[int, Callable[[], object]]] = {
            "generate": (length, lambda: model.generate("", length, seed=1)),
            "compiled code alone": (length, lambda: frozen.run(logits[0], state, length, draws(Sampling(), 0, 1))),
            "one call per token": (STEPS, calls),
        }
        seconds: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(options.turns + 1):  # the first turn warms up
            for name, (_, run) in work.items():
                begin = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - begin)
    for name, (count, _) in work.items():
        print(f"{name:20} {count / statistics.median(seconds[name][1:]):12,.0f} tokens/s")


if __name__ == "__main__":
    main()

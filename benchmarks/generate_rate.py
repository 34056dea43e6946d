"""How fast does a language model write from Python? Against compiled code alone, with the latency of each token.

    OMP_NUM_THREADS=1 python benchmarks/generate_rate.py RUN [--length 10000]

RUN is a language model with recurrent layers. All ways take turns; the share is the median over turns of the rate as a
fraction of the compiled code's, with the same number of streams, in the same turn. `stream` yields many tokens at once,
so its latency is given for a piece of text, from the request to its arrival.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

import unrolled
from unrolled.decoding import Sampling
from unrolled.decoding.frozen import draws
from unrolled.kernels.generation import Frozen
from unrolled.tasks.lm.trained import TrainedLanguageModel

STREAMS = 8  # of generate_many
STEPS = 2000  # tokens of a turn with one call per token
Way = tuple[int, str, Callable[[], object]]
"""Tokens, the way of compiled code alone to compare with, and the work."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--length", type=int, default=10_000, help="tokens of a turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    model = unrolled.load(options.run)
    assert isinstance(model, TrainedLanguageModel)
    rates(model, options.length, options.turns)
    latencies(model, options.length)


def rates(model: TrainedLanguageModel, length: int, turns: int) -> None:
    """Print the tokens per second of every way to write, and its share of the rate of compiled code alone."""
    unit = "layer 1 h[0]"
    held = model.held({unit: 0.5})
    one, many = (f"compiled code alone, {n} stream{'s'[: n > 1]}" for n in (1, STREAMS))
    ways: dict[str, Way] = {
        one: (length, one, alone(model, 1, length)),
        "generate": (length, one, lambda: model.generate("", length, seed=1)),
        "stream": (length, one, lambda: list(model.stream("", length, seed=1))),
        "a session": (length, one, lambda: list(model.session().write(length=length, seed=1))),
        f"generate, {unit} held": (length, one, lambda: held.generate("", length, seed=1)),
        f"a session, {unit} held": (length, one, lambda: list(held.session().write(length=length, seed=1))),
        many: (STREAMS * length, many, alone(model, STREAMS, length)),
        f"generate_many, {STREAMS} texts": (STREAMS * length, many, lambda: model.generate_many(STREAMS, "", length)),
        "step, one call per token": (STEPS, one, lambda: list(steps(model, STEPS))),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns + 1):  # the first turn warms up
        for name, (count, _, work) in ways.items():
            begin = time.perf_counter()
            work()
            found[name].append(count / (time.perf_counter() - begin))
    print(f"{'':36} {'tokens/s':>10} {'share':>6}")
    for name, (_, peer, _) in ways.items():
        share = statistics.median(a / b for a, b in zip(found[name][1:], found[peer][1:], strict=True))
        print(f"{name:36} {statistics.median(found[name][1:]):10,.0f} {share:6.2f}")


def latencies(model: TrainedLanguageModel, length: int) -> None:
    """Print the median and the 99th percentile of the time that a caller waits."""
    frozen = kept(model)
    table: dict[str, Iterable[object]] = {
        "token of a session": model.session().write(length=length, seed=1),
        "piece of stream": model.stream("", 10 * length, seed=1),
        "step, one token": steps(model, STEPS),
        "compiled code alone, one token": single(frozen, *opening(model, 1), STEPS),
    }
    print(f"\n{'time to wait for a':36} {'p50 µs':>10} {'p99 µs':>10} {'most µs':>10}")
    for name, items in table.items():
        waits = sorted(1e6 * seconds for seconds in waiting(items))
        p50, p99 = (waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
        print(f"{name:36} {p50:10,.1f} {p99:10,.1f} {waits[-1]:10,.1f}")


def waiting(items: Iterable[object]) -> Iterator[float]:
    """Yield the seconds that each item takes to arrive."""
    before = time.perf_counter()
    for _ in items:
        now = time.perf_counter()
        yield now - before
        before = time.perf_counter()


@torch.no_grad()
def opening(model: TrainedLanguageModel, streams: int) -> tuple[Tensor, object]:
    """Return logits ``(streams, V)`` and the state after the first token."""
    logits, state = model.model(torch.zeros(1, streams, dtype=torch.long), None)
    return logits[0], state


def kept(model: TrainedLanguageModel) -> Frozen:
    """Return the compiled code with a copy of the weights."""
    frozen = model.freeze().frozen
    assert frozen is not None
    return frozen


def alone(model: TrainedLanguageModel, streams: int, length: int) -> Callable[[], object]:
    """Return a function that writes in one call of the compiled code."""
    frozen, (logits, state) = kept(model), opening(model, streams)
    return lambda: frozen.run(logits, state, length, draws(Sampling(seed=1), 0, streams))


def single(frozen: Frozen, logits: Tensor, state: object, length: int) -> Iterator[object]:
    """Write with one call of the compiled code per token."""
    for position in range(length):
        ids, logits, state = frozen.run(logits, state, 1, draws(Sampling(seed=1), position, 1))
        yield ids


def steps(model: TrainedLanguageModel, length: int) -> Iterator[object]:
    """Take the likeliest token of one `step` at a time."""
    text, state = model.opening(), None
    for _ in range(length):
        log_probabilities, state = model.step(text, state)
        text = model.vocabulary.decode([int(log_probabilities.argmax())])
        yield text


if __name__ == "__main__":
    main()

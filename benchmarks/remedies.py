"""Effect of each remedy against vanishing and exploding gradients.    python benchmarks/remedies.py

The text consists of lines with one of eight letters, the capitals A to H, and the same letter again. A language model
without memory has a loss of ln 8 at the second letter. *forgotten* is the loss on new lines beyond the ln 8 of the
first letter, in units of ln 8, after a short training (1: the letter is forgotten, 0: remembered); *gradient* is the
largest gradient norm in training, before clipping. Indented rows differ from the row above only in the named options.
The table shows means over seeds, with minimum and maximum.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import tempfile
import time
from typing import Any

from harness import table

LETTERS, BETWEEN, LINES = "abcdefgh", "ABCDEFGH", 4000
Case = tuple[str, dict[str, Any]]
PLAIN: dict[str, Any] = {
    "num_layers": 1, "hidden_size": 64, "dropout": 0.0, "bptt": 44, "batch_size": 32, "average": "none",
    "random_reset": 0.02, "steps": 700, "schedule": "cosine", "lr": 1e-2, "eval_tokens": 0, "weight_decay": 0.0,
}  # fmt: skip
STEEP = {"cell": "rnn", "init": "orthogonal", "optimizer": "sgd", "lr": 1.0}
CASES: list[Case] = [
    ("tanh, orthogonal, SGD at 1: no clipping", {**STEEP, "clip": 0.0}),
    ("  clipped by norm: --clip 1", {**STEEP, "clip": 1.0}),
    ("  clipped by value: --clip-value 0.1", {**STEEP, "clip": 0.0, "clip_value": 0.1}),
    ("tanh", {"cell": "rnn"}),
    ("  --init orthogonal", {"cell": "rnn", "init": "orthogonal"}),
    ("  --layer-norm", {"cell": "rnn", "layer_norm": True}),
    ("LSTM: --forget-bias 0", {"forget_bias": 0.0}),
    ("  --forget-bias 1, the default", {}),
    ("  --layer-norm", {"layer_norm": True}),
    ("LSTM, one line a window, always reset", {"bptt": 11, "random_reset": 0.999}),
    ("  --initial-state learned", {"bptt": 11, "random_reset": 0.999, "initial_state": "learned"}),
    ("tanh, 4 layers", {"cell": "rnn", "num_layers": 4}),
    ("  --residual", {"cell": "rnn", "num_layers": 4, "residual": True}),
    ("  --dilation 2", {"cell": "rnn", "num_layers": 4, "dilation": 2}),
    ("  both", {"cell": "rnn", "num_layers": 4, "residual": True, "dilation": 2}),
    ("LSTM: --bptt 6", {"bptt": 6}),
    ("  --bptt-random merity", {"bptt": 6, "bptt_random": "merity"}),
    ("  --bptt-random unbiased", {"bptt": 6, "bptt_random": "unbiased"}),
]


def measure(options: dict[str, Any], path: str, seed: int) -> tuple[float, float, float]:
    """Return *forgotten* (NaN if training diverged), the largest gradient norm, and CPU seconds."""
    import torch

    from unrolled.errors import DivergedError
    from unrolled.tasks.lm.config import LanguageModelConfig
    from unrolled.tasks.lm.task import LanguageModelling
    from unrolled.training.config import update
    from unrolled.training.step import Stepper

    torch.set_num_threads(1)
    given = {**PLAIN, **options, "data": path, "seed": seed}
    task = LanguageModelling(update(LanguageModelConfig(), **given))
    task.prepare()
    begin, largest = time.process_time(), 0.0
    stepper = Stepper(task, torch.device("cpu"), given["steps"])
    try:
        for number in range(given["steps"]):
            _, norm, _ = stepper.step(number)
            largest = max(largest, norm)
    except DivergedError:
        return math.nan, math.inf, time.process_time() - begin
    seconds = time.process_time() - begin
    loss = task.evaluate(stepper.model.eval(), "valid")["loss"]
    return (loss * (len(BETWEEN) + 3) / math.log(len(LETTERS)) - 1), largest, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="run only cases whose name contains this string")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNROLLED_CACHE"] = folder
        path = os.path.join(folder, "lines.txt")
        draw = random.Random(0)
        with open(path, "w", encoding="utf-8") as file:
            for _ in range(LINES):
                letter = draw.choice(LETTERS)
                file.write(f"{letter}{BETWEEN}{letter}\n")
        for name, case in CASES:
            if options.only not in name:
                continue
            found = [measure(case, path, seed) for seed in range(options.seeds)]
            finite = [forgotten for forgotten, _, _ in found if math.isfinite(forgotten)]
            mean = f"{sum(finite) / len(finite):.2f} ({min(finite):.2f}–{max(finite):.2f})" if finite else "–"
            diverged = f"{len(found) - len(finite)} of {len(found)}" if len(finite) < len(found) else "none"
            largest = max(norm for _, norm, _ in found)
            seconds = sum(spent for _, _, spent in found) / len(found)
            rows.append([name.replace("  ", "&emsp;"), mean, diverged, f"{largest:.2g}", f"{seconds:.1f} s"])
            print(rows[-1], flush=True)
    table(["network", "forgotten", "diverged", "gradient", "training"], rows)


if __name__ == "__main__":
    main()

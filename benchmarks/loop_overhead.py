"""Overhead of the training loop beyond forward, backward and update.    python benchmarks/loop_overhead.py

Before each step of the loop runs a bare step: forward, backward and optimiser update on the same window (with its
resets, prepared beforehand), with a copy of the model and its optimiser. The two alternate step by step in one process,
so that noise of the machine cancels in the ratio.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from harness import arguments, table
from train_rate import CASES, make_task
from unrolled.data import Window
from unrolled.lab.bench import interval
from unrolled.training.folder import RunFolder
from unrolled.training.log import Silent
from unrolled.training.loop import train
from unrolled.training.step import Stepper


def step_times(case: str, steps: int) -> list[tuple[float, float]]:
    """Return the seconds of each step of the loop and of the bare step before it."""
    with tempfile.TemporaryDirectory() as folder:
        twin = make_task(case, Path(folder), steps=steps)
        twin.prepare()
        stepper = Stepper(twin, torch.device("cpu"), steps)
        state = stepper.carry
        times: list[tuple[float, float]] = []
        begun = bare = 0.0

        def step(window: Window) -> None:
            logits, _ = stepper.model(window.inputs, state, window.resets if window.resets.any() else None)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), window.targets.flatten())
            stepper.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            stepper.optimizer.step()

        task = make_task(case, Path(folder), steps=steps)
        original = task.batch

        def batch(number: int) -> object:  # called first in a step of the loop
            nonlocal begun, bare
            now = time.perf_counter()
            if begun:
                times.append((now - begun, bare))
            window = twin.batch(number)
            begin = time.perf_counter()
            step(window)
            begun = time.perf_counter()
            bare = begun - begin
            return original(number)

        task.batch = batch  # type: ignore[method-assign,assignment]
        train(task, RunFolder.create(Path(folder) / "run"), Silent())
        return times[5:]  # warm


def main() -> None:
    options = arguments(__doc__, repetitions=200)
    rows = []
    for case in CASES:
        times = step_times(case, options.repetitions)
        overheads = [100 * (loop / bare - 1) for loop, bare in times]
        low, high = interval(overheads, rounds=500)
        loop, bare = (1000 * statistics.median(side) for side in zip(*times, strict=True))
        overhead = f"{statistics.median(overheads):.1f} % ({low:.1f}–{high:.1f})"
        rows.append([case, f"{loop:.1f}", f"{bare:.1f}", overhead])
        print(f"{case}: {overhead}", file=sys.stderr, flush=True)
    table(["model", "loop, ms a step", "bare, ms a step", "overhead (95 %)"], rows)


if __name__ == "__main__":
    main()

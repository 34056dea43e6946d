"""Memory and time of activation checkpointing (`unrolled train lm --recompute`).    python benchmarks/recompute.py

Forward and backward over one window of 10,000 steps of a language model (an LSTM with 1×128 units, 8 lanes, a
vocabulary of 65), with several segment lengths: growth of the peak resident memory since before the first step, and CPU
time of a step. Each case runs in its own process, on one thread.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import table

CASES = ("0", "5000", "1000", "100", "auto", "10")


def measure(recompute: str, steps: int, repetitions: int) -> None:
    import torch

    from unrolled.tasks.lm.config import LanguageModelConfig
    from unrolled.tasks.lm.task import LanguageModelling
    from unrolled.training.config import update
    from unrolled.training.process import keep_freed_memory
    from unrolled.training.step import Stepper

    torch.set_num_threads(1)
    keep_freed_memory()
    temporary = tempfile.TemporaryDirectory()
    os.environ["UNROLLED_CACHE"] = temporary.name
    text = "".join(chr(48 + (7 * i * i + 3 * i) % 65) for i in range(8 * steps + 8000))
    given = {"hidden_size": 128, "num_layers": 1, "batch_size": 8, "dropout": 0.0, "random_reset": 0.0}
    length = recompute if recompute == "auto" else int(recompute)

    def stepper(bptt: int) -> Stepper:
        options = {"data": "text:" + text, "bptt": bptt, "recompute": length, "steps": 10, "fractions": (1.0, 0.0, 0.0)}
        task = LanguageModelling(update(LanguageModelConfig(), **given, **options))
        task.prepare()
        return Stepper(task, torch.device("cpu"), 10)

    stepper(2).step(0)  # allocations made once per process: code, threads, the optimiser's first step
    measured = stepper(steps)
    measured.task.batch(0)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loss, norm, _ = measured.step(0)
    seconds = []
    for _ in range(repetitions):
        begin = time.process_time()
        measured.step(0)
        seconds.append(time.process_time() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print((peak - start) / 1024, sorted(seconds)[len(seconds) // 2], loss, norm)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.steps, options.repetitions)
        return
    rows: list[list[str]] = []
    first = (0.0, 0.0)
    for case in CASES:
        script = str(Path(__file__).resolve())
        command = [sys.executable, script, "--measure", case, "--steps", str(options.steps)]
        command += ["--repetitions", str(options.repetitions)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        memory, seconds, loss, norm = map(float, output.split())
        first = first if rows else (memory, seconds)
        share = f"1/{first[0] / memory:.0f}" if memory else "–"
        rows.append([case if case != "0" else "off", f"{memory:.1f} MiB", share, f"{seconds:.2f} s",
                     f"{seconds / first[1]:.2f}", f"{loss:.7f}", f"{norm:.7f}"])  # fmt: skip
    table(["recompute", "memory", "relative", "time per step", "relative", "loss", "gradient norm"], rows)


if __name__ == "__main__":
    main()

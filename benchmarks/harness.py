"""What the benchmarks share: interleaved measurement of ours against a peer, with a 95 % interval of the ratio.

Each side runs in a process of its own, so that neither's allocator settings, caches or threads help or harm the
other. The processes take turns: ours, peer, ours, peer, …; noise of the machine then falls on both alike.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from unrolled.lab.bench import interval, processor
from unrolled.training.step import Stepper
from unrolled.training.task import Task

Work = Callable[[], float]
"""Does one repetition; returns its rate in units per second."""


def worker(make: Callable[[], Work]) -> None:
    """The other end of `compare`: do one repetition for every line on stdin, print units per second."""
    work = make()
    work()  # warm up
    print("ready", flush=True)
    for _ in sys.stdin:
        print(work(), flush=True)


def compare(
    script: str, sides: tuple[str, str], arguments: list[str], repetitions: int
) -> tuple[float, float, list[float]]:
    """Median rates of both sides, and the ratios first/second of each pair of repetitions."""
    workers = [
        subprocess.Popen(
            [sys.executable, script, "--worker", side, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for side in sides
    ]
    try:
        for one in workers:
            assert one.stdout is not None
            if one.stdout.readline().strip() != "ready":
                raise SystemExit("a worker died; its message is above")
        rates: list[list[float]] = [[], []]
        for _ in range(repetitions):
            for mine, one in zip(rates, workers, strict=True):
                assert one.stdin is not None
                assert one.stdout is not None
                one.stdin.write("\n")
                one.stdin.flush()
                mine.append(float(one.stdout.readline()))
    finally:
        for one in workers:
            one.kill()
    ratios = [a / b for a, b in zip(*rates, strict=True)]
    return statistics.median(rates[0]), statistics.median(rates[1]), ratios


def steps_in(seconds: float, task: Task) -> int:
    """How many steps of a training the processor makes in so much time."""
    task.prepare()
    stepper = Stepper(task, torch.device("cpu"), steps=1000)
    for step in range(5):
        stepper.step(step)
    begin, count = time.process_time(), 0
    while (spent := time.process_time() - begin) < 5:
        stepper.step(5 + count)
        count += 1
    return max(1, int(seconds * count / spent))


def ratio_cell(ratios: list[float]) -> str:
    """``1.31 (1.28–1.34)`` for a table."""
    low, high = interval(ratios)
    return f"{statistics.median(ratios):.2f} ({low:.2f}–{high:.2f})"


def table(header: list[str], rows: list[list[str]]) -> None:
    """Print a markdown table, and what machine it was measured on."""
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(f"\n{processor()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")


def arguments(doc: str | None, repetitions: int) -> argparse.Namespace:
    """The options every comparing benchmark has."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--repetitions", type=int, default=repetitions)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("case", nargs="?", help=argparse.SUPPRESS)
    return parser.parse_args()

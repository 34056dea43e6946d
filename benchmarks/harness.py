"""Helpers of the benchmarks: interleaved measurement of ours and a peer, with a 95 % interval of the ratio.

Each side runs in its own process, so that allocator settings, caches and threads of one do not affect the other. The
processes alternate: ours, peer, ours, peer, …, so that noise of the machine affects both alike.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import torch

from unrolled.lab.bench import interval, processor
from unrolled.lab.bench.measure import Timing
from unrolled.training.step import Stepper
from unrolled.training.task import Task

Work = Callable[[], float]
"""Runs one repetition and returns its rate in units per second."""


def worker(make: Callable[[], Work]) -> None:
    """Serve `compare` in a child process: run one repetition for every line on stdin and print units per second."""
    work = make()
    work()  # warm up
    print("ready", flush=True)
    for _ in sys.stdin:
        print(work(), flush=True)


def compare(
    script: str, sides: tuple[str, str], arguments: list[str], repetitions: int
) -> tuple[float, float, list[float]]:
    """Return the median rates of both sides, and the ratios first/second of each pair of repetitions."""
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
        for process in workers:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise SystemExit("a worker process died; its message is above")
        rates: list[list[float]] = [[], []]
        for _ in range(repetitions):
            for side_rates, process in zip(rates, workers, strict=True):
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("\n")
                process.stdin.flush()
                side_rates.append(float(process.stdout.readline()))
    finally:
        for process in workers:
            process.kill()
    ratios = [a / b for a, b in zip(*rates, strict=True)]
    return statistics.median(rates[0]), statistics.median(rates[1]), ratios


def processor_times(works: Mapping[str, Callable[[], object]], turns: int) -> dict[str, Timing]:
    """Time functions in turns by the processor time of this process, with one thread: other processes count little."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(turns + 1):
        for name, work in works.items():
            calls, begin = 0, time.process_time()
            while not calls or time.process_time() - begin < 0.03:
                work()
                calls += 1
            if turn:  # the first is a warm-up
                times[name].append((time.process_time() - begin) / calls)
    return {name: Timing(tuple(seconds)) for name, seconds in times.items()}


def steps_in(seconds: float, task: Task) -> int:
    """Return the number of training steps of the task that fit into this CPU time."""
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
    """Format median and 95 % interval for a table: ``1.31 (1.28–1.34)``."""
    low, high = interval(ratios)
    return f"{statistics.median(ratios):.2f} ({low:.2f}–{high:.2f})"


def table(header: list[str], rows: list[list[str]]) -> None:
    """Print a markdown table, followed by the processor, the Python version and the date."""
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(f"\n{processor()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")


def arguments(doc: str | None, repetitions: int) -> argparse.Namespace:
    """Parse the options shared by the benchmarks that use `compare`."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--repetitions", type=int, default=repetitions)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("case", nargs="?", help=argparse.SUPPRESS)
    return parser.parse_args()

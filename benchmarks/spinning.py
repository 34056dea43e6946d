"""How long OpenMP's threads spin before they sleep, and what it costs.    python benchmarks/spinning.py --threads 2

Trains a small language model, as train_rate.py does, in processes that differ in the environment variables which
OpenMP reads when torch loads it. They take turns, each once alone and once beside busy processes (Python loops), which
are stopped otherwise. Run it on an otherwise idle machine. `unrolled.machine.environment` has the setting that follows.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from harness import Work, table, worker
from train_rate import CASES, make_task
from unrolled.training.step import Stepper

SETTINGS: dict[str, dict[str, str]] = {
    "unset": {},
    "GOMP_SPINCOUNT=0": {"GOMP_SPINCOUNT": "0"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "GOMP_SPINCOUNT=3000": {"GOMP_SPINCOUNT": "3000"},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
}
LOOP = "while True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, default="LSTM 2×128")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--neighbours", type=int, default=1, help="busy processes beside the training")
    parser.add_argument("--steps", type=int, default=20, help="training steps of a repetition")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(lambda: training(options.case, options.steps))
        return
    busy = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(options.neighbours)]
    _send(busy, signal.SIGSTOP)
    own = [sys.executable, sys.argv[0], "--worker", "--case", options.case, "--steps", str(options.steps)]
    several = {"OMP_NUM_THREADS": str(options.threads)}
    settings = {"one thread": {"OMP_NUM_THREADS": "1"}} | {name: value | several for name, value in SETTINGS.items()}
    workers = {}
    try:
        for name, value in settings.items():
            workers[name] = subprocess.Popen(
                own, env=os.environ | value, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
        for process in workers.values():
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
        rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in settings}
        for _ in range(options.repetitions):
            for name, process in workers.items():
                rates[name][0].append(_rate(process))
                _send(busy, signal.SIGCONT)
                rates[name][1].append(_rate(process))
                _send(busy, signal.SIGSTOP)
    finally:
        for pid in [*(process.pid for process in workers.values()), *(process.pid for process in busy)]:
            os.kill(pid, signal.SIGKILL)
    rows = [[name, *map(_cell, both)] for name, both in rates.items()]
    print(f"{options.case}, {options.threads} threads, characters/s: median (lowest to highest)\n")
    table(["environment", "alone", f"beside {options.neighbours} busy"], rows)


def training(case: str, steps: int) -> Work:
    """Return the work of ``steps`` training steps."""
    _, _, _, bptt, batch_size = CASES[case]
    folder = tempfile.TemporaryDirectory()
    task = make_task(case, Path(folder.name), steps=10**6, dropout=0.0)
    task.prepare()
    stepper, done = Stepper(task, torch.device("cpu"), steps=10**6), itertools.count()

    def work() -> float:
        begin = time.perf_counter()
        for _ in range(steps):
            stepper.step(next(done))
        assert Path(folder.name).exists()  # the data are read from there
        return steps * bptt * batch_size / (time.perf_counter() - begin)

    return work


def _rate(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def _send(processes: list[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)


def _cell(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


if __name__ == "__main__":
    main()

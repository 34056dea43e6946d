"""Long-term dependencies: solve the adding problem with every cell at several lengths.

    OMP_NUM_THREADS=1 python benchmarks/memory.py --lengths 150 200 400 600 --cells lstm gru irnn rnn --cpu-minutes 20

Every cell gets the same CPU time at every length, or less if its validation error falls far below 0.01 earlier. The
number of steps is computed from the rate measured beforehand, so that other load on the machine does not affect it.
Repeating the command reuses finished runs and resumes unfinished ones. For copying with truncated backpropagation see
benchmarks/synthetic_gradients.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from harness import steps_in, table
from unrolled import api
from unrolled.errors import DivergedError
from unrolled.tasks.memory.config import MemoryConfig
from unrolled.tasks.memory.task import Memory
from unrolled.training.config import update
from unrolled.training.log import Silent

SHARED: dict[str, Any] = {"hidden_size": 64, "batch_size": 32, "schedule": "constant", "warmup": 20}
CELLS: dict[str, dict[str, Any]] = {
    "lstm": {"cell": "lstm", "lr": 1e-2, "forget_bias": 2.0},
    "gru": {"cell": "gru", "lr": 1e-2},
    "irnn": {"cell": "rnn", "init": "identity", "nonlinearity": "relu", "lr": 3e-4},
    "rnn": {"cell": "rnn", "lr": 1e-3},
}
SOLVED, UNTIL = 0.01, 0.001  # mean squared error that counts as solved, and at which training stops
EVALUATIONS = 40


class Clock(Silent):
    """Records the CPU time of a run, over all its sessions."""

    def __init__(self, path: Path) -> None:
        self.path, self.begin = path, time.process_time()
        self.before = float(path.read_text()) if path.exists() else 0.0

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        self.path.write_text(f"{self.before + time.process_time() - self.begin:.1f}\n")
        print(f"{self.path.parent.name} step {step:,}: {metrics['loss']:.5f}", file=sys.stderr, flush=True)


def add(run: Path, cell: str, length: int, seed: int, seconds: float, own: dict[str, Any]) -> dict[str, Any]:
    """Train or resume a model, or read its result if it is finished."""
    result = run / "result.json"
    if not result.exists():
        ended: dict[str, Any] = {}
        try:
            if (run / "checkpoints" / "latest").exists():
                summary = api.resume(run, Clock(run / "processor"))
            else:
                options = {**SHARED, **CELLS[cell], "data": "adding", "length": length, "seed": seed, "until": UNTIL}
                config = update(MemoryConfig(), **{**options, **own})
                steps = steps_in(seconds, Memory(config))
                config = update(config, steps=steps, eval_every=max(1, steps // EVALUATIONS))
                summary = api.start("memory", config, run, Clock(run / "processor"))
            ended = {"steps": summary.steps, **summary.test}
        except DivergedError as error:
            print(f"{run.name}: {error}", file=sys.stderr, flush=True)
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        valid = [line for line in lines if line.get("split") == "valid"]
        solved = next((line["step"] for line in valid if line["mse"] < SOLVED), None)
        seconds_used = float((run / "processor").read_text())
        best = {"steps": valid[-1]["step"], "mse": min(line["mse"] for line in valid), "diverged": True}
        result.write_text(json.dumps({"solved": solved, "seconds": seconds_used, **(ended or best)}) + "\n")
    measured: dict[str, Any] = json.loads(result.read_text())
    return measured


def adding(options: argparse.Namespace, own: dict[str, Any]) -> None:
    """Print a table, cells × lengths: the error on the test sequences, and when the problem was solved."""
    rows = []
    for cell in options.cells:
        row = [cell]
        for length in options.lengths:
            for seed in options.seeds:
                run = options.runs / f"memory-adding-{cell}-{length}-{seed}"
                result = add(run, cell, length, seed, 60 * options.cpu_minutes, own)
                solved, per_step = result["solved"], result["seconds"] / result["steps"]
                when = f"{solved:,} steps, {solved * per_step / 60:.1f} min" if solved else "not solved"
                when += ", then diverged" if result.get("diverged") else ""
                row.append(f"{result['mse']:.4f} ({when})")
        rows.append(row)
    seeds = [f"T = {length}" + (f", seed {seed}" if len(options.seeds) > 1 else "")
             for length in options.lengths for seed in options.seeds]  # fmt: skip
    table(["cell", *seeds], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[150, 200, 400, 600])
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cpu-minutes", type=float, default=10, help="CPU minutes for each model")
    parser.add_argument("--options", nargs="+", default=[], metavar="NAME=VALUE", help="task options for every model")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    own = tomllib.loads("\n".join(options.options))
    adding(options, own)


if __name__ == "__main__":
    main()

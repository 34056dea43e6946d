"""Who remembers for how long?    OMP_NUM_THREADS=1 python benchmarks/memory.py --cpu-minutes 20

    python benchmarks/memory.py --lengths 150 200 400 600 --cells lstm gru irnn rnn --cpu-minutes 20

The adding problem. Every cell gets the same processor time at every length, less where it stops because its validation
error is far below 0.01. Its steps are fixed before by measuring their rate, so that other work on the machine does not
decide. What is finished is read, what was begun goes on: the same command can be given again. What is copied with
truncated gradients: benchmarks/synthetic_gradients.py.
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
SOLVED, UNTIL = 0.01, 0.001  # mean squared error: of a solution, and at which training ends
EVALUATIONS = 40


class Clock(Silent):
    """Keeps the processor time of a run, all its sessions together."""

    def __init__(self, path: Path) -> None:
        self.path, self.begin = path, time.process_time()
        self.before = float(path.read_text()) if path.exists() else 0.0

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        self.path.write_text(f"{self.before + time.process_time() - self.begin:.1f}\n")
        print(f"{self.path.parent.name} step {step:,}: {metrics['loss']:.5f}", file=sys.stderr, flush=True)


def add(run: Path, cell: str, length: int, seed: int, seconds: float, own: dict[str, Any]) -> dict[str, Any]:
    """Train, go on with or read one model."""
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
        valid = [one for one in lines if one.get("split") == "valid"]
        solved = next((one["step"] for one in valid if one["mse"] < SOLVED), None)
        took = float((run / "processor").read_text())
        best = {"steps": valid[-1]["step"], "mse": min(one["mse"] for one in valid), "diverged": True}
        found = {"solved": solved, "seconds": took, **(ended or best)}
        result.write_text(json.dumps(found) + "\n")
    told: dict[str, Any] = json.loads(result.read_text())
    return told


def adding(options: argparse.Namespace, own: dict[str, Any]) -> None:
    """A row for each cell, a column for each length: the error on the test sequences, and when it was solved."""
    rows = []
    for cell in options.cells:
        row = [cell]
        for length in options.lengths:
            for seed in options.seeds:
                run = options.runs / f"memory-adding-{cell}-{length}-{seed}"
                one = add(run, cell, length, seed, 60 * options.cpu_minutes, own)
                per_step = one["seconds"] / one["steps"]
                when = (
                    f"{one['solved']:,} steps, {one['solved'] * per_step / 60:.1f} min"
                    if one["solved"]
                    else "not solved"
                ) + (", then diverged" if one.get("diverged") else "")
                row.append(f"{one['mse']:.4f} ({when})")
        rows.append(row)
    seeds = [f"T = {length}" + (f", seed {seed}" if len(options.seeds) > 1 else "")
             for length in options.lengths for seed in options.seeds]  # fmt: skip
    table(["cell", *seeds], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[150, 200, 400, 600])
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cpu-minutes", type=float, default=10, help="of processor time for a model")
    parser.add_argument("--options", nargs="+", default=[], metavar="NAME=VALUE", help="of the task, for every model")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    own = tomllib.loads("\n".join(options.options))
    adding(options, own)


if __name__ == "__main__":
    main()

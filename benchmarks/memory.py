"""Who remembers for how long?    OMP_NUM_THREADS=1 python benchmarks/memory.py adding --cpu-minutes 20

    python benchmarks/memory.py adding --lengths 150 200 400 600 --cells lstm gru irnn rnn --cpu-minutes 20
    python benchmarks/memory.py copy --windows 2 3 4 5 --cpu-minutes 10
    python benchmarks/memory.py repeat-copy --windows 2 3 4 5 --cpu-minutes 10 --options synthetic_gradients=true

Adding: every cell gets the same processor time at every length, less where it stops because its validation error is far
below 0.01. Its steps are fixed before by measuring their rate, so that other work on the machine does not decide.

Copy and repeat-copy: truncated backpropagation through windows of a few steps, with a curriculum (as in Jaderberg et
al. 2017, section 3.1): sequences of one vector first; whenever those of N vectors are said with less than --bits of
error for each vector, N grows by one, and in repeat-copy N and the number of repetitions in turns. The table tells the
largest that was solved.

What is finished is read, what was begun goes on (adding) or begins again (copy): the same command can be given again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import torch

from harness import table
from unrolled import api
from unrolled.data.episodes import EpisodeStream
from unrolled.data.generated_copies import Copies
from unrolled.errors import DivergedError
from unrolled.tasks.memory import Memory, MemoryConfig
from unrolled.tasks.memory_trained import measure
from unrolled.training.config import update
from unrolled.training.log import Silent
from unrolled.training.process import keep_freed_memory
from unrolled.training.step import Stepper

SHARED: dict[str, Any] = {"hidden_size": 64, "batch_size": 32, "schedule": "constant", "warmup": 20}
CELLS: dict[str, dict[str, Any]] = {
    "lstm": {"cell": "lstm", "lr": 1e-2, "forget_bias": 2.0},
    "gru": {"cell": "gru", "lr": 1e-2},
    "irnn": {"cell": "rnn", "init": "identity", "nonlinearity": "relu", "lr": 3e-4},
    "rnn": {"cell": "rnn", "lr": 1e-3},
}
SOLVED, UNTIL = 0.01, 0.001  # mean squared error: of a solution, and at which training ends
EVALUATIONS = 40
EVERY, OF = 250, 256  # steps between two looks at that, and sequences looked at


class Clock(Silent):
    """Keeps the processor time of a run, all its sessions together."""

    def __init__(self, path: Path) -> None:
        self.path, self.begin = path, time.process_time()
        self.before = float(path.read_text()) if path.exists() else 0.0

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        self.path.write_text(f"{self.before + time.process_time() - self.begin:.1f}\n")
        print(f"{self.path.parent.name} step {step:,}: {metrics['loss']:.5f}", file=sys.stderr, flush=True)


def steps_in(seconds: float, config: MemoryConfig) -> int:
    """How many steps the processor makes in so much time."""
    task = Memory(config)
    task.prepare()
    stepper = Stepper(task, torch.device("cpu"), steps=1000)
    for step in range(5):
        stepper.step(step)
    begin, count = time.process_time(), 0
    while (spent := time.process_time() - begin) < 5:
        stepper.step(5 + count)
        count += 1
    return max(1, int(seconds * count / spent))


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
                steps = steps_in(seconds, config)
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


class Growing(Memory):
    """Copies that become longer while training goes on."""

    begun = 0

    def grow(self, length: int, repeats: int, step: int) -> None:
        """From this step on: so many vectors, so many times (0: copy)."""
        training, bptt = self.config.training, self.config.data.bptt
        episodes = Copies(length, training.seed, length, repeats, fewest=max(1, repeats))
        self.stream, self.begun = EpisodeStream(episodes, training.batch_size, bptt), step
        self.valid = Copies(length, -1, length, repeats, fewest=max(1, repeats))

    def batch(self, step: int) -> Any:
        return self.stream.batch(step - self.begun)


def climb(name: str, window: int, seed: int, seconds: float, own: dict[str, Any], enough: float) -> dict[str, Any]:
    """Train one model for so much processor time, and tell what it learned to copy."""
    keep_freed_memory()
    chosen = {"cell": "lstm", "hidden_size": 256, "batch_size": 32, "lr": 1e-3, "schedule": "constant",
              "average": "none", "steps": 10**9, "data": name, "length": 1, "bptt": window, "seed": seed}  # fmt: skip
    task = Growing(update(MemoryConfig(), **{**chosen, **own}))
    task.prepare()
    length, repeats = 1, int(name == "repeat-copy")
    task.grow(length, repeats, 0)
    stepper = Stepper(task, torch.device("cpu"), steps=10**9)
    begin, step = time.process_time(), 0
    reached: list[dict[str, float]] = []
    while time.process_time() - begin < seconds:
        stepper.step(step)
        step += 1
        if step % EVERY == 0:
            bits = measure(stepper.model.eval(), task.valid, OF)["bits_per_symbol"]
            stepper.model.train()
            if bits < enough:
                spent = time.process_time() - begin
                reached.append({"length": length, "repeats": repeats, "steps": step, "seconds": round(spent, 1)})
                print(name, own, f"window {window}:", reached[-1], file=sys.stderr, flush=True)
                if repeats and len(reached) % 2:
                    repeats += 1
                else:
                    length += 1
                task.grow(length, repeats, step)
    return {"steps": step, "reached": reached}


def copies(options: argparse.Namespace, own: dict[str, Any]) -> None:
    """A row for each window: the longest that was solved."""
    rows = []
    told = "-".join(f"{key}-{value}" for key, value in own.items())
    for window in options.windows:
        for seed in options.seeds:
            place = options.runs / f"memory-{options.problem}-{window}-{seed}{f'-{told}' if told else ''}.json"
            if not place.exists():
                found = climb(options.problem, window, seed, 60 * options.cpu_minutes, own, options.bits)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(json.dumps(found) + "\n")
            found = json.loads(place.read_text())
            last = found["reached"][-1] if found["reached"] else {"length": 0, "repeats": 0, "steps": 0, "seconds": 0}
            steps = last["length"] * (last["repeats"] or 1)
            sizes = [str(last["length"]), str(last["repeats"] or ""), str(steps)]
            when = [f"{last['steps']:,}", f"{last['seconds']:.0f}", f"{found['steps']:,}"]
            rows.append([told or "truncated", str(window), str(seed), *sizes, *when])
    header = ["gradients", "window", "seed", "vectors", "times", "vectors to say", "at step", "processor, s", "steps"]
    table(header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", choices=["adding", "copy", "repeat-copy"])
    parser.add_argument("--lengths", type=int, nargs="+", default=[150, 200, 400, 600])
    parser.add_argument("--cells", nargs="+", choices=list(CELLS), default=list(CELLS))
    parser.add_argument("--windows", type=int, nargs="+", default=[2, 3, 4, 5])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cpu-minutes", type=float, default=10, help="of processor time for a model")
    parser.add_argument("--bits", type=float, default=0.15, help="copies: of error for a vector, below which N grows")
    parser.add_argument("--options", nargs="+", default=[], metavar="NAME=VALUE", help="of the task, for every model")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    own = tomllib.loads("\n".join(options.options))
    (adding if options.problem == "adding" else copies)(options, own)


if __name__ == "__main__":
    main()

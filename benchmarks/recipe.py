"""What does a recipe reach?    python benchmarks/recipe.py shakespeare-char --seeds 0 1 2

Trains the recipe once per seed and scores the text it has never seen: validation and test parts together (the last
10 %) and the test part alone (the last 5 %), with carried state in one lane, and over fresh windows of 256 symbols.
Decisions while training (which weights to keep) are made on the validation part only.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import unrolled
from harness import table
from unrolled import api
from unrolled.data.storage import join
from unrolled.recipes import read
from unrolled.tasks import task_class
from unrolled.training.config import update
from unrolled.training.log import Silent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", default="runs")
    options = parser.parse_args()
    task, recipe, _ = read(options.recipe)
    rows: list[list[float]] = []
    for seed in options.seeds:
        config = update(task_class(task).Config(), **recipe, seed=seed)
        begin, cpu = time.perf_counter(), time.process_time()
        summary = api.start(task, config, f"{options.runs}/{options.recipe}-seed-{seed}", Silent())
        spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
        model = unrolled.load(summary.folder)
        text = model.config.data.read()
        heldout = join(text.valid, text.test)
        scores = [
            model.evaluate(part, fresh_windows=fresh)["loss"] for part in (heldout, text.test) for fresh in (0, 256)
        ]
        rows.append([seed, summary.best["loss"], *scores, spent, cpu])
        print(rows[-1], file=sys.stderr, flush=True)
    header = [
        "seed",
        "validation",
        "last 10 %, carried",
        "fresh 256",
        "last 5 %, carried",
        "fresh 256",
        "seconds",
        "cpu",
    ]
    body = [[f"{row[0]:.0f}", *(f"{x:.4f}" for x in row[1:6]), *(f"{x:.0f}" for x in row[6:])] for row in rows]
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    body.append(["median", *(f"{x:.4f}" for x in middle[1:6]), *(f"{x:.0f}" for x in middle[6:])])
    table(header, body)


if __name__ == "__main__":
    main()

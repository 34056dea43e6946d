"""Train a recipe with several seeds and evaluate it.    python benchmarks/recipe.py shakespeare-char --seeds 0 1 2

Model selection uses the validation part only. Language models are evaluated on the validation and test parts together
(the last 10 %) and on the test part alone (the last 5 %), with carried state and on fresh windows of 256 tokens; other
tasks by their own test metrics.
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
from unrolled.training.log import Silent, Summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", default="runs")
    options = parser.parse_args()
    task, recipe, _ = read(options.recipe)
    rows: list[dict[str, float]] = []
    for seed in options.seeds:
        config = update(task_class(task).Config(), **recipe, seed=seed)
        begin, cpu = time.perf_counter(), time.process_time()
        summary = api.start(task, config, f"{options.runs}/{options.recipe}-seed-{seed}", Silent())
        spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
        scores = language_model(summary) if task == "lm" else summary.test
        validation = {f"validation {name}": value for name, value in summary.best.items() if name != "step"}
        rows.append({**validation, **scores, "seconds": spent, "cpu seconds": cpu})
        print(seed, rows[-1], file=sys.stderr, flush=True)
    body = [[str(seed), *map(cell, row.values())] for seed, row in zip(options.seeds, rows, strict=True)]
    body.append(["median", *(cell(statistics.median(row[name] for row in rows)) for name in rows[0])])
    table(["seed", *rows[0]], body)


def language_model(summary: Summary) -> dict[str, float]:
    """Return the nats per token on the held-out parts."""
    model = unrolled.load(summary.folder)
    text = model.config.data.read()
    parts = {"last 10 %": join(text.valid, text.test), "last 5 %": text.test}
    if model.config.data.open().parts is not None:  # as published; the test part may be missing
        parts = {"validation": text.valid, "test": text.test}
    return {
        f"{name}, {'fresh 256' if fresh else 'carried'}": model.evaluate(part, fresh_windows=fresh)["loss"]
        for name, part in parts.items()
        if len(part) > 1
        for fresh in (0, 256)
    }


def cell(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.4f}"


if __name__ == "__main__":
    main()

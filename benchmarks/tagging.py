"""Ablation study of the tagger.    python benchmarks/tagging.py wnut17 wikigold --seeds 0 1 2

Trains the recipe of each corpus in five variants (one direction; both directions; with character embeddings; with a
CRF), once per seed, and evaluates each model once: WNUT17 on its development part, with a slice of the training part
for model selection; Wikigold by 5-fold cross-validation over documents, with a slice of the other four folds for model
selection and the entities of all folds counted together. Prints the median over the seeds.

    python benchmarks/tagging.py --demonstration

trains on generated sentences in one and both directions, with and without a CRF, and tags sentences about Teddy and
Ford.

Results are stored in --runs; repeating the command continues from there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from harness import table
from unrolled import api
from unrolled.data.conll_words import word_spans
from unrolled.data.tags import Count
from unrolled.recipes import read
from unrolled.tasks import task_class
from unrolled.training.config import update
from unrolled.training.log import Silent

# Without character embeddings, words keep their case.
WORDS = {"characters": "none", "lowercase": False, "crf": False}
VARIANTS: dict[str, dict[str, Any]] = {
    "one direction": {**WORDS, "bidirectional": False},
    "both directions": WORDS,
    "one direction, letters, CRF": {"bidirectional": False, "crf": True},
    "both, letters": {"crf": False},
    "both, letters, CRF": {"crf": True},
}
CORPORA = {"wnut17": ("person", 0), "wikigold": ("PER", 5)}  # the label of persons, and the number of folds
SENTENCES = (  # sentence, and the word whose tag depends on what follows
    ("He said, 'Teddy bears are on sale!'", "Teddy"),
    ("He said, 'Teddy Roosevelt was a great President!'", "Teddy"),
    ("Ford said that it would close two plants.", "Ford"),
    ("Ford said that he would come home.", "Ford"),
)
DIRECTIONS = {
    "one direction": {"bidirectional": False, "crf": False},
    "one direction, CRF": {"bidirectional": False, "crf": True},
    "both directions": {"bidirectional": True, "crf": False},
    "both directions, CRF": {"bidirectional": True, "crf": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=Path("runs/tagging"))
    parser.add_argument("--demonstration", action="store_true")
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    if options.demonstration:
        demonstrate(options.runs)
    for corpus in options.corpora:
        compare(corpus, options.seeds, options.runs)


def compare(corpus: str, seeds: list[int], runs: Path) -> None:
    """Train the missing models and print the table."""
    person, folds = CORPORA[corpus]
    done = runs / f"{corpus}.jsonl"
    rows = [json.loads(line) for line in done.read_text().splitlines()] if done.exists() else []
    known = {(row["variant"], row["seed"], row["fold"]) for row in rows}
    for seed in seeds:
        for variant, changes in VARIANTS.items():
            for fold in range(max(1, folds)):
                if (variant, seed, fold) in known:
                    continue
                row = {"variant": variant, "seed": seed, "fold": fold}
                row |= measure(corpus, {**changes, "seed": seed, "folds": folds, "fold": fold}, runs, person)
                rows.append(row)
                with done.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, file=sys.stderr, flush=True)
    body = []
    for variant in VARIANTS:
        mine = [[row for row in rows if (row["variant"], row["seed"]) == (variant, seed)] for seed in seeds]
        every = [[pooled(of_seed, kind) for of_seed in mine] for kind in ("all", "person")]
        figures = [f"{100 * statistics.median(count.f1 for count in counts):.1f}" for counts in every]
        each = [" ".join(f"{100 * count.f1:.1f}" for count in counts) for counts in every]
        exact = [
            f"{100 * statistics.median(getattr(c, name) for c in every[0]):.1f}" for name in ("precision", "recall")
        ]
        cpu = statistics.median(row["cpu"] for of_seed in mine for row in of_seed)
        body.append([variant, *exact, figures[0], each[0], figures[1], each[1], f"{cpu:.0f}"])
    print(corpus)
    table(["", "precision", "recall", "entity F1", "by seed", "person F1", "by seed", "CPU seconds"], body)


def measure(corpus: str, changes: dict[str, Any], runs: Path, person: str) -> dict[str, Any]:
    """Train one model and count its entities on held-out sentences."""
    task, recipe, _ = read(f"tag-{corpus}")
    config = update(task_class(task).Config(), **{**recipe, **changes})
    name = "-".join(f"{key}-{value}" for key, value in changes.items())
    begin, cpu = time.perf_counter(), time.process_time()
    summary = api.start(task, config, fresh(runs / f"{corpus}-{name}"), Silent())
    spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
    _, counted = api.load(summary.folder).evaluate(config.data.source().read().test)
    kinds = {"all": counted.all, "person": counted.types[person]}
    counts = {kind: [count.right, count.predicted, count.true] for kind, count in kinds.items()}
    return {**counts, "valid": summary.best, "seconds": round(spent, 1), "cpu": round(cpu, 1)}


def pooled(rows: list[dict[str, Any]], kind: str) -> Count:
    """Sum the entity counts of all folds."""
    total = Count()
    for row in rows:
        total.add(*row[kind])
    return total


def fresh(path: Path) -> Path:
    """Return the path of a new folder; an interrupted run may have left one behind."""
    number = 0
    while (found := path.with_name(f"{path.name}{'-' * bool(number)}{number or ''}")).exists():
        number += 1
    return found


def demonstrate(runs: Path) -> None:
    """Compare one direction with both on generated sentences."""
    for name, changes in DIRECTIONS.items():
        config = update(task_class("tag").Config(), **changes, patience=0)
        summary = api.start(
            "tag", config, fresh(runs / f"generated-{name.replace(', ', '-').replace(' ', '-')}"), Silent()
        )
        model = api.load(summary.folder)
        print(f"{name}: F1 {100 * summary.test['f1']:.1f} on generated test sentences, {summary.seconds:.0f} seconds")
        for text, word in SENTENCES:
            prediction = model.predict([text])[0]
            marked = "".join(f"[{p.text}]{p.label}" if p.label else p.text for p in prediction.pieces)
            words = [text[a:b] for a, b in word_spans(text)]
            probabilities = model.probabilities(words)[words.index(word)]
            best = sorted(probabilities.items(), key=lambda pair: -pair[1])[:2]
            print(f"  {marked}    {word}: {', '.join(f'{tag} {p:.2f}' for tag, p in best)}")


if __name__ == "__main__":
    main()

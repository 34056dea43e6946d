"""Captions of a few hundred photographs: five folds, against what needs no training.

    python benchmarks/captions.py DATA [--images FOLDER] [--kinds soft hard none] [--seeds 0] [--cpu-seconds 300]

DATA is a file of captions. The folds are by a hash of the picture's name. For each kind of attention and seed five
captioners of equal size are trained, and the captions of all test folds are scored together: BLEU-4 of the corpus with
all references and the closest length (tokens [a-z0-9\']+ in lower case), CIDEr-D, the share of distinct captions, and
BLEU-4 of the captions of shuffled photographs, which must be much worse if the captioner looks at the picture. The
baselines are computed in the same folds; the difference in BLEU-4 to the consensus of ten neighbours has a paired
bootstrap interval over the photographs. The time of each training is --cpu-seconds of one core (set OMP_NUM_THREADS=1),
at the rate that is measured first, so that other load changes the duration but not the result.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness import table
from unrolled import api
from unrolled.analysis.bootstrap import resampled_sums
from unrolled.tasks import task_class
from unrolled.tasks.caption.baselines import baselines
from unrolled.tasks.caption.bleu import bleu_of_sums
from unrolled.tasks.caption.inputs import mean_features
from unrolled.tasks.caption.scores import score, sufficient
from unrolled.training.config import update
from unrolled.training.log import Silent
from unrolled.training.optim import make_optimizer

FOLDS = 5
SIZE: dict[str, Any] = {
    "hidden_size": 256,
    "embedding_size": 128,
    "encoder_size": 256,
    "dropout": 0.3,
    "batch_size": 64,
}
KINDS: dict[str, dict[str, Any]] = {
    "soft": {"attention": "soft"},
    "hard": {"attention": "hard"},
    "none": {"attention": "none"},
}
NEIGHBOURS = "ten neighbours"


def seconds_per_step(config: Any) -> float:
    """Return the CPU seconds of a training step, without the reading of pictures."""
    task = task_class("caption")(update(config, steps=100, lr=1e-3, weight_decay=0.0))
    task.prepare()
    model = task.build_model()
    optimizer = make_optimizer(model, task.config.training)
    for step in range(25):
        if step == 5:
            begin = time.process_time()
        task.loss(model, task.batch(step), None)[0].backward()
        optimizer.step()
        optimizer.zero_grad()
    return (time.process_time() - begin) / 20


class Collected:
    """Captions of all folds with their references."""

    def __init__(self) -> None:
        self.captions: list[str] = []
        self.references: list[list[str]] = []

    def sums(self) -> Any:
        return sufficient(self.captions, self.references)


def trained(options: dict[str, Any], fold: int, steps: int, seed: int, folder: Path) -> Any:
    """Return the captioner trained on the other folds, and its test pictures."""
    run = folder / f"{options['attention']}-{seed}-{fold}"
    api.train("caption", run=run, reporter=Silent(), folds=FOLDS, fold=fold, steps=steps, seed=seed, **options)
    return api.load(run)


def difference(ours: Any, others: Any) -> tuple[float, float, float]:
    """Return BLEU-4 of ours less that of others, and its 95 % interval: a paired bootstrap over the photographs."""
    drawn = resampled_sums(np.concatenate([ours, others], 1).astype(np.float64))
    width = ours.shape[1]
    found = np.array([bleu_of_sums(row[:width])[3] - bleu_of_sums(row[width:])[3] for row in drawn])
    whole = bleu_of_sums(ours.sum(0))[3] - bleu_of_sums(others.sum(0))[3]
    low, high = np.percentile(found, [2.5, 97.5])
    return whole, float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--images")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["soft"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--cpu-seconds", type=float, default=300)
    given = parser.parse_args()
    plain: dict[str, Collected] = {}
    rows, found = [], []
    with tempfile.TemporaryDirectory() as folder:
        for kind in given.kinds:
            options = {**SIZE, **KINDS[kind], "data": given.data, "images": given.images}
            config = update(task_class("caption").Config(), folds=FOLDS, fold=0, **options)
            steps = max(1, round(given.cpu_seconds / seconds_per_step(config)))
            scores = []
            for seed in given.seeds:
                own, shuffled = Collected(), Collected()
                for fold in range(FOLDS):
                    model = trained(options, fold, steps, seed, Path(folder))
                    sets = model.own_sets()
                    arrays = model.reader.read_all(sets.test)
                    texts = [best.text for best, *_ in model.described(arrays)]
                    own.captions += texts
                    own.references += sets.test.captions
                    shuffled.captions += texts[1:] + texts[:1]  # in the order of the file, each gets another one's
                    shuffled.references += sets.test.captions
                    if kind == given.kinds[0] and seed == given.seeds[0]:
                        vectors = [mean_features(model.reader.read_all(part)) for part in (sets.train, sets.test)]
                        for name, captions in baselines(sets.train, *vectors).items():
                            collected = plain.setdefault(name, Collected())
                            collected.captions += captions
                            collected.references += sets.test.captions
                    print(f"{kind}, seed {seed}, fold {fold}: {len(texts)} photographs", flush=True)
                result = score(own.captions, own.references)
                mixed = score(shuffled.captions, shuffled.references)
                gain = difference(own.sums(), plain[NEIGHBOURS].sums())
                scores.append((result, mixed, gain))
                found.append({"kind": kind, "seed": seed, "steps": steps, **result.summary(),
                              "shuffled": mixed.bleu4, "gain": gain})  # fmt: skip
            middle = sorted(scores, key=lambda entry: entry[0].bleu4)[len(scores) // 2]
            rows.append([
                kind, f"{steps:,}", f"{middle[0].bleu4:.2f}",
                ", ".join(f"{entry[0].bleu4:.2f}" for entry in scores),
                f"{statistics.median(entry[1].bleu4 for entry in scores):.2f}",
                f"{middle[0].cider:.3f}", f"{middle[0].distinct:.0%}",
                "{:+.2f} ({:+.2f} to {:+.2f})".format(*middle[2]),
            ])  # fmt: skip
    for name, collected in plain.items():
        result = score(collected.captions, collected.references)
        rows.append([name, "", f"{result.bleu4:.2f}", "", "", f"{result.cider:.3f}", f"{result.distinct:.0%}", ""])
    header = ["captions", "steps", "BLEU-4", "per seed", "shuffled", "CIDEr-D", "distinct", "BLEU-4 against neighbours"]
    table(header, rows)
    print(json.dumps(found))


if __name__ == "__main__":
    main()

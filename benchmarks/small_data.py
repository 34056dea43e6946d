"""Compare the default classifier with a bag of words on a few hundred texts.    python benchmarks/small_data.py

Each row is a data set of 312 or 1,000 labelled texts, nine tenths of them for training and one for validation, drawn
anew for each seed. The classifier is `unrolled.train("classify")` with its defaults, recurrent and with kind="cnn"; the
bag is scikit-learn's logistic regression on tf-idf weights of words and word pairs, its regularisation selected by five
folds of the training texts. Accuracy is measured on the published test set (generated data: 1,000 other texts); with
--held-out on training texts that were not drawn, which is how the defaults were selected.
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import unrolled
from harness import table
from unrolled.data.generated_reviews import reviews
from unrolled.data.labelled import Examples, Layout
from unrolled.data.labelled_sets import open_labelled
from unrolled.data.sets import divide
from unrolled.data.tokens import tokenize
from unrolled.training.log import Silent, Summary

TESTED = 1000  # texts at most
TOPICS = {
    "billing": ("the invoice", "my last payment", "the amount charged", "a refund", "the credit card fee"),
    "login": ("my password", "the sign-in page", "the reset link", "my account", "two-factor code"),
    "delivery": ("the parcel", "my order", "the courier", "tracking number", "shipment"),
    "defect": ("the screen", "the battery", "the charger", "one button", "the device"),
    "praise": ("your service", "the new app", "the support team", "everything", "this product"),
}
SAID = {
    "billing": ("is wrong again", "was taken twice", "shows the old price", "never arrived at my bank", "is too high"),
    "login": ("does not work any more", "is rejected", "expired at once", "is locked", "asks for a code I lack"),
    "delivery": ("is two days late", "never arrived", "was left in the rain", "went to the wrong street", "is lost"),
    "defect": ("is cracked", "gets very hot", "stopped working", "does not respond", "makes a noise"),
    "praise": ("is just great", "made my day", "works like a charm", "is better than ever", "was quick and kind"),
}
OPENINGS = ("Hello,", "Hi team,", "Dear support,", "URGENT:", "hi", "Good morning!", "", "")
CLOSINGS = ("Please help.", "thanks", "Regards, J.", "Sent from my phone", "Waiting for your answer!!", "", "")
ASIDES = ("By the way, {} is fine.", "I had no trouble with {} so far.", "({} was solved last week.)", "Not about {}.")


def tickets(seed: int, count: int) -> Examples:
    """Generate messages to a support team; half of them mention a second topic, which is not their class."""
    draw = random.Random(seed)
    examples = Examples()
    for _ in range(count):
        topic, other = draw.sample(sorted(TOPICS), 2)
        parts = [draw.choice(OPENINGS), f"{draw.choice(TOPICS[topic])} {draw.choice(SAID[topic])}."]
        if draw.random() < 0.5:
            parts.insert(draw.choice((1, 2)), draw.choice(ASIDES).format(draw.choice(TOPICS[other])))
        text = " ".join(filter(None, [*parts, draw.choice(CLOSINGS)]))
        examples.texts.append(text.upper() if draw.random() < 0.1 else text)
        examples.labels.append(topic)
    return examples


class Sample(NamedTuple):
    """A small data set."""

    name: str
    given: Examples
    test: Examples


def samples(names: list[str], sizes: list[int], seed: int, held_out: bool) -> Iterator[Sample]:
    """Draw a data set of each name and size."""
    for name in names:
        if name in ("reviews", "tickets"):
            pool = (reviews if name == "reviews" else tickets)(1000 + seed + 500 * held_out, max(sizes) + TESTED)
            test = None
        else:
            sets = open_labelled(name, Layout())
            pool, test = both(sets.train, sets.valid), None if held_out else sets.test
        order = random.Random(seed).sample(range(len(pool)), min(len(pool), max(sizes) + TESTED))
        rest = test or pool.pick(order[max(sizes) :])
        for size in sizes:
            yield Sample(f"{name} {size:,}", pool.pick(order[:size]), rest.pick(range(min(TESTED, len(rest)))))


def both(a: Examples, b: Examples) -> Examples:
    """Return the examples of both."""
    return Examples(a.texts + b.texts, a.labels + b.labels)


def bag(given: Examples, test: Examples) -> float:
    """Return the accuracy of the bag of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, make_scorer
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    sets, _ = divide(given, {}, given.texts, (0.9, 0.1, 0.0), where="the texts", noun="texts", group=False)
    train = sets["train"]
    words = TfidfVectorizer(sublinear_tf=True, analyzer=word_pairs)
    pipeline = make_pipeline(words, LogisticRegression(max_iter=2000))
    grid = {"logisticregression__C": [0.3, 1.0, 3.0, 10.0, 30.0, 100.0]}
    classes = sorted(set(train.labels))  # a fold may lack a rare one
    loss = make_scorer(log_loss, greater_is_better=False, response_method="predict_proba", labels=classes)
    fitted = GridSearchCV(pipeline, grid, cv=5, scoring=loss).fit(train.texts, train.labels)
    return float(np.mean(fitted.predict(test.texts) == np.array(test.labels)))


def word_pairs(text: str) -> list[str]:
    """Return the words and pairs of words of a text, as the classifier's own tokenizer finds them."""
    words = [token.text for token in tokenize(text, lowercase=True)]
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]


class Ending(Silent):
    """Keeps the summary of training."""

    summary: Summary

    def end(self, summary: Summary) -> None:
        self.summary = summary


def classifier(given: Examples, test: Examples, folder: Path, options: dict[str, Any]) -> tuple[float, float, bool]:
    """Train the default classifier; return its accuracy, the seconds taken, and whether a bag of words is offered."""
    folder.mkdir(exist_ok=True)
    for name, part in (("data", given), ("test", test)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *zip(part.texts, part.labels, strict=True)])
    begin = time.process_time()
    files = {"data": str(folder / "data.csv"), "test": str(folder / "test.csv")}
    ending = Ending()
    unrolled.train("classify", run=folder / "run", reporter=ending, **files, **options)
    summary = ending.summary
    return summary.test["accuracy"], time.process_time() - begin, summary.offer is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=["sst2", "trec", "spooky", "reviews", "tickets"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[312, 1000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--without-bag", action="store_true")
    parser.add_argument("--without-cnn", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE", help="options of the classifier")
    options = parser.parse_args()
    chosen = {name: literal(value) for name, _, value in (pair.partition("=") for pair in options.set)}
    found: dict[str, list[tuple[float, float, float, float, bool]]] = {}
    for seed in options.seeds:
        for sample in samples(options.data, options.sizes, seed, options.held_out):
            with tempfile.TemporaryDirectory() as folder:
                reference = np.nan if options.without_bag else bag(sample.given, sample.test)
                place = Path(folder)
                accuracy, seconds, offered = classifier(sample.given, sample.test, place, {"seed": seed, **chosen})
                cnn = np.nan
                if not options.without_cnn:
                    cnn, _, _ = classifier(sample.given, sample.test, place / "cnn", {"seed": seed, "kind": "cnn"})
            found.setdefault(sample.name, []).append((accuracy, cnn, reference, seconds, offered))
            print(
                sample.name,
                seed,
                f"{accuracy:.3f} {cnn:.3f} {reference:.3f} {seconds:.0f} s {offered}",
                file=sys.stderr,
                flush=True,
            )
    rows = []
    for name, values in found.items():
        accuracy, cnn, reference, seconds, _ = (statistics.mean(column) for column in zip(*values, strict=True))
        behind = sum(bag_of_words - own > 0.02 for own, _, bag_of_words, *_ in values)
        offers = sum(offered for *_, offered in values)
        missed = sum(bag_of_words - own > 0.02 and not offered for own, _, bag_of_words, _, offered in values)
        points = f"{100 * (accuracy - reference):+.1f}"
        counts = (f"{count} of {len(values)}" for count in (behind, offers, missed))
        rows.append([name, f"{accuracy:.3f}", f"{cnn:.3f}", f"{reference:.3f}", points, *counts, f"{seconds:.0f}"])
    header = ["texts", "classifier", "cnn", "bag of words", "difference, points"]
    table([*header, "over 2 points behind", "bag offered", "behind, not offered", "CPU seconds"], rows)


def literal(value: str) -> Any:
    """Return a number or truth value, else the text."""
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(value, value)


if __name__ == "__main__":
    main()

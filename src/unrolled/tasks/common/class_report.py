"""The report of a classifier of any input: metrics, a table by class, the confusion matrix as a picture."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from ...analysis.confusion_picture import MOST_CLASSES, confusion_picture
from ...analysis.intervals import as_json, with_interval
from ...results import Pairs, Picture, Table
from .class_measures import Matrix, Measures

MOST_ROWS = 30  # classes in the table


class Mistake(NamedTuple):
    """A wrong prediction: the number of the example, its class, the predicted class and its probability."""

    number: int
    label: str
    guess: str
    probability: float


def wrong(probabilities: Matrix, labels: Sequence[str], classes: Sequence[str]) -> list[Mistake]:
    """Return the wrong predictions.

    Args:
        probabilities: the probability of each class, ``(N, C)``.
        labels: the true class of each example.
        classes: the names of the C classes.
    """
    found = []
    for number, (row, label) in enumerate(zip(probabilities, labels, strict=True)):
        best = int(row.argmax())
        if classes[best] != label:
            found.append(Mistake(number, label, classes[best], float(row[best])))
    return found


def measured(measures: Measures) -> dict[str, Any]:
    """Return the metrics with their intervals, and the confusion matrix, for JSON."""
    return {
        **measures.summary(),
        "intervals": as_json(measures.intervals()),
        "confusion": measures.confusion.tolist(),
        "classes": measures.classes,
    }


def summary(measures: Measures, name: str, noun: str) -> Pairs:
    """Return the metrics with their intervals.

    Args:
        measures: the metrics.
        name: the name of the data.
        noun: the plural noun for examples, such as ``texts``.
    """
    intervals, count = measures.intervals(), int(measures.confusion.sum())
    return Pairs(
        [
            (noun, f"{name}: {count:,} of {len(measures.classes)} classes"),
            ("accuracy", with_interval(f"{measures.accuracy:.4f}", intervals["accuracy"], ".4f")),
            ("macro F1", with_interval(f"{measures.macro_f1:.4f}", intervals.get("macro_f1"), ".4f")),
            ("log loss", f"{measures.loss:.4f} nats"),
            ("calibration error", f"{measures.calibration_error:.4f}"),
        ]
    )


def by_class(measures: Measures, noun: str) -> Table:
    """Return a table of precision, recall and F1 by class, most frequent class first."""
    hits, support, predicted = measures.confusion.diagonal(), measures.confusion.sum(1), measures.confusion.sum(0)
    rows = []
    for number in sorted(range(len(measures.classes)), key=lambda n: -support[n])[:MOST_ROWS]:
        precision = hits[number] / predicted[number] if predicted[number] else math.nan
        recall = hits[number] / support[number] if support[number] else math.nan
        total = support[number] + predicted[number]
        f1 = 2 * hits[number] / total if total else math.nan
        figures = (figure(value, ".3f") for value in (precision, recall, f1))
        rows.append((measures.classes[number], f"{support[number]:,}", *figures))
    header = ("class", noun, "precision", "recall", "F1")
    return Table("classes", header, rows, right=header[1:])


def figure(value: float, form: str) -> str:
    """Return a number, or a dash if it is not finite."""
    return f"{value:{form}}" if math.isfinite(value) else "–"


def confusion(measures: Measures, name: str, noun: str) -> Iterator[Picture]:
    """Yield the confusion matrix if matplotlib is installed and the number of classes allows it; see `summary`."""
    if len(measures.classes) > MOST_CLASSES or importlib.util.find_spec("matplotlib") is None:
        return
    (low, high), count = measures.intervals()["accuracy"], int(measures.confusion.sum())
    title = f"{os.path.basename(name)}\n{count:,} {noun}, accuracy {measures.accuracy:.1%} ({low:.1%} to {high:.1%})"
    yield Picture(
        "confusion", partial(confusion_picture, measures.confusion, measures.classes, title), "confusion matrix"
    )

"""Metrics of a classifier of any input: log loss, accuracy, F1, calibration, confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...analysis.bootstrap import DRAWS
from ...analysis.intervals import Interval, known, percentiles, wilson
from ...errors import DataError
from ...training.metrics import ACCURACY, LOSS, Metric

METRICS = (
    LOSS,
    ACCURACY,
    Metric("macro_f1", "macro F1", larger_is_better=True),
    Metric("calibration_error", "calibration error"),
)
BINS = 15  # of the calibration error

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """Results of a classifier on labelled examples.

    Attributes:
        loss: mean −log p(true class), in nats.
        accuracy: fraction of correct predictions.
        macro_f1: mean of 2PR/(P + R) over the classes that occur or are predicted.
        calibration_error: expected calibration error (Guo et al. 2017, equation 3).
        confusion: ``(C, C)`` counts, true class by row.
        classes: names of the C classes.
    """

    loss: float
    accuracy: float
    macro_f1: float
    calibration_error: float
    confusion: npt.NDArray[np.int64]
    classes: list[str]

    def summary(self) -> dict[str, float]:
        """Return the scalar metrics by name."""
        names = ("loss", "accuracy", "macro_f1", "calibration_error")
        return {name: getattr(self, name) for name in names}

    def intervals(self) -> dict[str, Interval]:
        """Return the 95 % intervals of accuracy and macro F1; that of F1 is a bootstrap over the examples.

        That of F1 is missing without a mistake. The counts in the cells of the confusion matrix of resampled examples
        are multinomial.
        """
        return self._intervals

    @cached_property
    def _intervals(self) -> dict[str, Interval]:
        total, C = int(self.confusion.sum()), len(self.classes)
        true, predicted = self.confusion.nonzero()
        cells = self.confusion[true, predicted]
        random = np.random.default_rng(0)
        drawn = np.empty(DRAWS)
        for number in range(DRAWS):
            times = random.multinomial(total, cells / total)
            hits = np.bincount(true, times * (true == predicted), C)
            drawn[number] = _macro_f1(hits, np.bincount(true, times, C) + np.bincount(predicted, times, C))
        return known({"accuracy": wilson(int(self.confusion.trace()), total), "macro_f1": percentiles(drawn)})


def true_classes(labels: Iterable[str], names: Sequence[str], classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the number of each example's true class ``(N,)``.

    Args:
        labels: the label of each example.
        names: what each example is called in an error.
        classes: the classes of the model.

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    numbers = {name: number for number, name in enumerate(classes)}
    for label, name in zip(labels, names, strict=True):
        if label not in numbers:
            raise DataError(
                f"the label {label!r} (of {name[:40]!r}) is none of the model's classes: "
                f"{', '.join(classes[:20])}; correct it, or train with it"
            )
    return np.array([numbers[label] for label in labels], dtype=np.int64)


def scores(probabilities: Matrix, true: npt.NDArray[np.int64], classes: list[str]) -> Measures:
    """Compute `Measures` from probabilities ``(N, C)`` and the true classes ``true (N,)``."""
    rows = np.arange(len(true))
    predicted = probabilities.argmax(1)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (true, predicted), 1)
    hits, support, predictions = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    return Measures(
        loss=float(-np.log(np.maximum(probabilities[rows, true], 1e-15)).mean()),
        accuracy=float(hits.sum() / len(true)),
        macro_f1=_macro_f1(hits, support + predictions),
        calibration_error=_calibration_error(probabilities.max(1), predicted == true),
        confusion=confusion,
        classes=classes,
    )


def _macro_f1(hits: npt.NDArray[Any], total: npt.NDArray[Any]) -> float:
    """Return the mean F1 over classes, given correct predictions ``(C,)`` and true plus predicted examples ``(C,)``."""
    occurs = total > 0
    return float((2 * hits[occurs] / total[occurs]).mean())


def _calibration_error(confidence: Matrix, correct: npt.NDArray[np.bool_]) -> float:
    """Return Σ_b |B_b|/N · |accuracy(B_b) − confidence(B_b)| over bins of equal width."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    total = 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(total) if math.isfinite(total) else math.nan

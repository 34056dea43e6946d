"""Metrics of a classifier: log loss, accuracy, F1, calibration, confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...data.labelled import Examples
from ...errors import DataError
from ...training.metrics import ACCURACY, LOSS, Metric

if TYPE_CHECKING:
    from .trained import TrainedClassifier

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
    """Results of a classifier on labelled texts.

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


def measure(
    classifier: TrainedClassifier, examples: Examples, progress: Callable[[int], None] | None = None
) -> Measures:
    """Evaluate a classifier; ``progress`` is called with the number of texts classified so far.

    Raises:
        DataError: a label is not one of the classes of the model.
    """
    numbers = {name: number for number, name in enumerate(classifier.classes)}
    for label, text in zip(examples.labels, examples.texts, strict=True):
        if label not in numbers:
            raise DataError(
                f"the label {label!r} (of {text[:40]!r}) is none of the model's classes: "
                f"{', '.join(classifier.classes[:20])}; correct it, or train with it"
            )
    true = np.array([numbers[label] for label in examples.labels])
    return scores(classifier.probabilities(examples.texts, progress), true, classifier.classes)


def scores(probabilities: Matrix, true: npt.NDArray[np.int64], classes: list[str]) -> Measures:
    """Compute `Measures` from probabilities ``(N, C)`` and the true classes ``true (N,)``."""
    rows = np.arange(len(true))
    predicted = probabilities.argmax(1)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (true, predicted), 1)
    hits, support, predictions = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    occurs = support + predictions > 0
    return Measures(
        loss=float(-np.log(np.maximum(probabilities[rows, true], 1e-15)).mean()),
        accuracy=float(hits.sum() / len(true)),
        macro_f1=float((2 * hits[occurs] / (support + predictions)[occurs]).mean()),
        calibration_error=_calibration_error(probabilities.max(1), predicted == true),
        confusion=confusion,
        classes=classes,
    )


def _calibration_error(confidence: Matrix, correct: npt.NDArray[np.bool_]) -> float:
    """Return Σ_b |B_b|/N · |accuracy(B_b) − confidence(B_b)| over bins of equal width."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    total = 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(total) if math.isfinite(total) else math.nan

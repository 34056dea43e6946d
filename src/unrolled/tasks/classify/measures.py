"""How often a classifier is right, and how sure it is when it is."""

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
    """How well a classifier does on examples.

    Attributes:
        loss: mean −log p(true class), in nats.
        accuracy: share of right answers.
        macro_f1: mean over the classes of 2PR/(P + R); a class that neither occurs nor is answered is left out.
        calibration_error: mean distance of confidence and accuracy over bins of confidence (Guo et al. 2017, eq. 3).
        confusion: ``(C, C)`` counts, true class by row.
        classes: their names.
    """

    loss: float
    accuracy: float
    macro_f1: float
    calibration_error: float
    confusion: npt.NDArray[np.int64]
    classes: list[str]

    def summary(self) -> dict[str, float]:
        """The numbers that are one each."""
        names = ("loss", "accuracy", "macro_f1", "calibration_error")
        return {name: getattr(self, name) for name in names}


def measure(
    classifier: TrainedClassifier, examples: Examples, progress: Callable[[int], None] | None = None
) -> Measures:
    """How well it does; ``progress`` is told how many texts have been answered.

    Raises:
        DataError: an example has a label that is none of its classes.
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
    """`Measures` of probabilities ``(N, C)`` where the right classes are ``true (N,)``."""
    rows = np.arange(len(true))
    answered = probabilities.argmax(1)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (true, answered), 1)
    hits, there, said = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    seen = there + said > 0
    return Measures(
        loss=float(-np.log(np.maximum(probabilities[rows, true], 1e-15)).mean()),
        accuracy=float(hits.sum() / len(true)),
        macro_f1=float((2 * hits[seen] / (there + said)[seen]).mean()),
        calibration_error=_calibration_error(probabilities.max(1), answered == true),
        confusion=confusion,
        classes=classes,
    )


def _calibration_error(confidence: Matrix, right: npt.NDArray[np.bool_]) -> float:
    """Σ_b |B_b|/N · |accuracy(B_b) − confidence(B_b)| over bins of equal width."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    total = 0.0
    for number in range(BINS):
        inside = bins == number
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(total) if math.isfinite(total) else math.nan

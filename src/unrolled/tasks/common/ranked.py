"""Options of ``unrolled predict`` for classifiers: ``unsure`` below a probability, and the classes that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...cells import check_size
from ...errors import ArgumentError
from ...results import Prediction
from ...results.prediction import ranked_cells

UNSURE = "unsure"
RANKED = 2  # classes in a table, without --top-k


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """How the answers are shown."""

    threshold: float | None = None
    """answer "unsure" where the most probable class has a lower probability"""
    top_k: int | None = None
    """number of classes to show, most probable first"""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ArgumentError("threshold", "a probability from 0 to 1", self.threshold)
        if self.top_k is not None:
            check_size("top_k", self.top_k)

    def check(self, classes: Sequence[str]) -> None:
        """Raise `ArgumentError` if a class has the name of the answer below the threshold."""
        if self.threshold is not None and UNSURE in classes:
            raise ArgumentError("threshold", f"omitted for a model with a class named {UNSURE}", self.threshold)


def answered(prediction: Prediction, options: Ranked) -> Prediction:
    """Return a prediction with the answer, the classes and the cells that the options select."""
    shown = prediction.ranked(options.top_k)
    sure = options.threshold is None or shown[0][1] >= options.threshold
    answer = prediction.answer if sure else UNSURE
    cells: dict[str, Any] = {"label": answer}
    cells |= {} if options.threshold is None else {"best": prediction.answer}
    cells |= ranked_cells(shown[: options.top_k or RANKED])
    if prediction.unknown is not None:
        count, total = prediction.unknown
        cells["unknown"] = round(count / total, 4)
    probabilities = prediction.probabilities if options.top_k is None else dict(shown)
    return replace(prediction, answer=answer, probabilities=probabilities, cells=cells)

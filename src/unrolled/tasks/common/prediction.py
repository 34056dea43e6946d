"""What models that answer questions about texts share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from ...results import Prediction, is_blank

Part = Literal["train", "valid", "test"]
"""one of the three parts of a run's own data"""


def in_place(texts: Sequence[str], answer: Callable[[list[str]], Iterable[Prediction]]) -> list[Prediction]:
    """An answer for each text, in their order: ``answer`` is asked about those that are not blank."""
    answers = iter(answer([text for text in texts if not is_blank(text)]))
    return [Prediction(text) if is_blank(text) else next(answers) for text in texts]


@runtime_checkable
class Predictor(Protocol):
    """A trained model that answers questions about texts."""

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """An answer for each text, in their order, an empty one for a blank text; with ``explain``, what in the text
        decided it."""


@runtime_checkable
class Measurable(Protocol):
    """A trained model that can be measured on labelled data."""

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """Metrics on labelled data like that it was trained on, or on a part of the run's own."""

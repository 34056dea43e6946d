"""The interface of models that make predictions for texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol, runtime_checkable

from ...results import Prediction, is_blank

Part = Literal["train", "valid", "test"]
"""a split of a run's own data"""


def predict_nonblank(texts: Sequence[str], answer: Callable[[list[str]], Iterable[Prediction]]) -> list[Prediction]:
    """Return a prediction for each text, in order: from ``answer`` for texts that are not blank, else an empty one."""
    answers = iter(answer([text for text in texts if not is_blank(text)]))
    return [Prediction(text) if is_blank(text) else next(answers) for text in texts]


@runtime_checkable
class Predictor(Protocol):
    """A trained model that makes predictions for texts."""

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """Return a prediction for each text, in order, an empty one for a blank text; with ``explain``, its pieces have
        their contributions as weights."""

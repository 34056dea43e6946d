"""The interface of models that make predictions for texts, and the inputs that can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol, TypeVar, runtime_checkable

from ...errors import DataError
from ...results import Input, Prediction, is_blank

R = TypeVar("R")

Part = Literal["train", "valid", "test"]
"""a split of a run's own data"""


def predict_nonblank(texts: Sequence[str], answer: Callable[[list[str]], Iterable[Prediction]]) -> list[Prediction]:
    """Return a prediction for each text, in order: from ``answer`` for texts that are not blank, else an empty one."""
    answers = iter(answer([text for text in texts if not is_blank(text)]))
    return [Prediction(text) if is_blank(text) else next(answers) for text in texts]


def readable(inputs: Sequence[Input], read: Callable[[Input], R]) -> tuple[list[R], DataError | None]:
    """Return the results of ``read`` for the inputs before the first that cannot be read, and its error."""
    found: list[R] = []
    for source in inputs:
        try:
            found.append(read(source))
        except DataError as error:
            return found, error
    return found, None


@runtime_checkable
class Predictor(Protocol):
    """A trained model that makes predictions for texts."""

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """Return a prediction for each text, in order, an empty one for a blank text; with ``explain``, its pieces have
        their contributions as weights."""

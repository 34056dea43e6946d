"""What a trained model says of a text, in the one form that terminal, web page and JSON show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

Part = Literal["train", "valid", "test"]
"""one of the three parts of a run's own data"""


@dataclass(frozen=True)
class Piece:
    """A stretch of the text.

    Attributes:
        text: as it stands there; the pieces of a prediction, joined, are the text.
        label: what it was found to be, such as ``person``; empty for nothing.
        weight: how much it spoke for the answer (up to 1) or against it (down to −1); 0 if that was not asked.
    """

    text: str
    label: str = ""
    weight: float = 0.0


@dataclass(frozen=True)
class Prediction:
    """The answer for one text. One that is blank, nothing but white space, has none: everything is empty.

    Attributes:
        text: what was read.
        answer: the most probable class, or the translation; empty where the answer is in the pieces.
        probabilities: of every class.
        pieces: the text, cut into stretches that have a label or a weight, and what is between them.
    """

    text: str
    answer: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data; of a blank text all that any answer may have, empty."""
        said: dict[str, Any] = {"text": self.text}
        blank = is_blank(self.text)
        if self.answer or blank:
            said |= {"answer": self.answer, "probabilities": self.probabilities}
        marked, at = [], 0
        for piece in self.pieces:
            if piece.label or piece.weight:
                marked.append({"begin": at, "end": at + len(piece.text), "text": piece.text})
                marked[-1] |= {"label": piece.label} if piece.label else {"weight": piece.weight}
            at += len(piece.text)
        return said | ({"pieces": marked} if self.pieces or blank else {})


def is_blank(text: str) -> bool:
    """Whether there is nothing in it that could be asked about."""
    return not text.strip()


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

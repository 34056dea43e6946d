"""What a trained model says of a text, in the one form that terminal, web page and JSON show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


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
    """The answer for one text.

    Attributes:
        text: what was read.
        answer: the most probable class; empty where the answer is in the pieces.
        probabilities: of every class.
        pieces: the text, cut into stretches that have a label or a weight, and what is between them.
    """

    text: str
    answer: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        said: dict[str, Any] = {"text": self.text}
        if self.answer:
            said |= {"answer": self.answer, "probabilities": self.probabilities}
        marked, at = [], 0
        for piece in self.pieces:
            if piece.label or piece.weight:
                marked.append({"begin": at, "end": at + len(piece.text), "text": piece.text})
                marked[-1] |= {"label": piece.label} if piece.label else {"weight": piece.weight}
            at += len(piece.text)
        return said | ({"pieces": marked} if self.pieces else {})


@runtime_checkable
class Predictor(Protocol):
    """A trained model that answers questions about texts."""

    def predict(self, texts: Sequence[str], *, explain: bool = False) -> list[Prediction]:
        """An answer for each text, in their order; with ``explain``, what in the text decided it."""


@runtime_checkable
class Measurable(Protocol):
    """A trained model that can be measured on labelled data."""

    def evaluate_data(self, data: str | None = None, split: str = "test") -> dict[str, Any]:
        """Metrics on labelled data like that it was trained on, or on a part of the run's own."""

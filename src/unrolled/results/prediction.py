"""Predictions of a trained model, in the form that terminal, web page, JSON and files share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .parts import Part


@dataclass(frozen=True)
class Piece:
    """A span of the text.

    Attributes:
        text: the span's text; the pieces of a prediction, joined, are the whole text.
        label: the predicted label, such as ``person``; empty for none.
        weight: saliency, from −1 (against the answer) to 1 (for it); 0 if not computed.
    """

    text: str
    label: str = ""
    weight: float = 0.0


@dataclass(frozen=True)
class Prediction:
    """The prediction for one input. For a blank text (white space only) everything is empty.

    Attributes:
        text: the input text, or the file's name.
        answer: the most probable class, the translation, the caption; empty if the pieces or parts hold the prediction.
        probabilities: class → probability.
        pieces: the text, split into labelled or weighted spans and the text between them.
        parts: further results: pictures, tables, series.
        lines: the lines to print instead of the answer, possibly none; `None`: print the answer.
        more: further values for JSON.
    """

    text: str
    answer: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    parts: tuple[Part, ...] = ()
    lines: tuple[str, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain data for JSON; a blank text has every key, with empty values."""
        values: dict[str, Any] = {"text": self.text}
        blank = is_blank(self.text)
        if self.answer or blank:
            values |= {"answer": self.answer, "probabilities": self.probabilities}
        marked, at = [], 0
        for piece in self.pieces:
            if piece.label or piece.weight:
                marked.append({"begin": at, "end": at + len(piece.text), "text": piece.text})
                marked[-1] |= {"label": piece.label} if piece.label else {"weight": piece.weight}
            at += len(piece.text)
        values |= {"pieces": marked} if self.pieces or blank else {}
        values |= {"parts": [part.as_json() for part in self.parts]} if self.parts else {}
        return values | dict(self.more)


def is_blank(text: str) -> bool:
    """Return whether a text is empty or only white space."""
    return not text.strip()

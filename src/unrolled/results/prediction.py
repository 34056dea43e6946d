"""What a trained model says of one input, in the one form that terminal, web page, JSON and folders show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import markup
from .markup import Shown
from .parts import Part

LEAST = 0.05  # the weight of a piece that is worth a mark in plain text


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
class Prediction(Shown):
    """The answer for one input. A blank text, nothing but white space, has none: everything is empty.

    Attributes:
        text: the text that was read, or the name of the file.
        answer: the most probable class, the translation, the caption; empty where the answer is in the pieces or parts.
        probabilities: of every class.
        pieces: the text, cut into stretches that have a label or a weight, and what is between them.
        parts: what else there is to see: pictures, tables, series.
        lines: what to print in the place of the answer: several lines, or nothing yet; `None`: the answer.
        more: further values of the JSON form.
    """

    text: str
    answer: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    parts: tuple[Part, ...] = ()
    lines: tuple[str, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def likeliest(self, most: int = 4) -> str:
        """``positive 93%  negative 7%``: the most probable classes; empty without probabilities."""
        ranked = sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:most]
        return "  ".join(f"{name} {share:.0%}" for name, share in ranked)

    def marked(self) -> str:
        """The text with its marks: ``[Teddy Roosevelt]person``, ``dreadful(+0.81)``."""
        return "".join(_marked(piece) for piece in self.pieces or (Piece(self.text),))

    def plain(self) -> str:
        """As text: the answer, the text with its marks, and the parts."""
        text = self.marked() if self.pieces else "" if self.answer else self.text
        answer = filter(None, (self.likeliest() or self.answer, text))
        lines = answer if self.lines is None else self.lines
        return "\n".join((*lines, *(part.plain() for part in self.parts)))

    def _repr_html_(self) -> str:
        rest = markup.escaped(self.likeliest().removeprefix(self.answer))
        answer = f"<div><b>{markup.escaped(self.answer)}</b> <small>{rest}</small></div>" if self.answer else ""
        marked = markup.marked(self.pieces or (Piece(self.text),), markup.LABEL)
        text = f'<div style="white-space: pre-wrap">{marked}</div>'
        shown = f"{answer}{text}" if self.lines is None else markup.preformatted("\n".join(self.lines))
        return f"<div>{shown}{''.join(map(markup.part, self.parts))}</div>"

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
        said |= {"pieces": marked} if self.pieces or blank else {}
        said |= {"parts": [part.as_json() for part in self.parts]} if self.parts else {}
        return said | dict(self.more)


def _marked(piece: Piece) -> str:
    if piece.label:
        return f"[{piece.text}]{piece.label}"
    return f"{piece.text}({piece.weight:+.2f})" if abs(piece.weight) >= LEAST else piece.text


def is_blank(text: str) -> bool:
    """Whether there is nothing in it that could be asked about."""
    return not text.strip()

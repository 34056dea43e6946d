"""Predictions of a trained model, in the form that terminal, web page, JSON and files share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import markup
from .markup import Shown
from .parts import Part

LEAST = 0.05  # the weight of a piece that is worth a mark in plain text


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
class Prediction(Shown):
    """The prediction for one input. For a blank text (white space only) everything is empty.

    Attributes:
        text: the input text, or the file's name.
        answer: the most probable class, the translation, the caption; empty if the pieces or parts hold the prediction.
        probabilities: class → probability.
        pieces: the text, split into labelled or weighted spans and the text between them.
        parts: further results: pictures, tables, series.
        lines: the lines to print instead of the answer, possibly none; `None`: print the answer.
        more: further values for JSON.
        cells: the values of the prediction's row in a table, by column; empty: the answer and the probabilities.
        words: the columns of each word, the last its tag, for files with a word per line; ``()`` ends a sentence.
        unknown: the number of tokens that are not in the model's vocabulary, and of all tokens; `None`: not counted.
    """

    text: str
    answer: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    parts: tuple[Part, ...] = ()
    lines: tuple[str, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    cells: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[tuple[str, ...], ...] = ()
    unknown: tuple[int, int] | None = None

    def likeliest(self, most: int = 4) -> str:
        """``positive 93%  negative 7%``: the most probable classes, after an answer that is none of them; empty without
        probabilities."""
        shown = [f"{name} {share:.0%}" for name, share in self.ranked(most)]
        other = [self.answer] if shown and self.answer and self.answer not in self.probabilities else []
        return "  ".join([*other, *shown])

    def ranked(self, most: int | None = None) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:most]

    def as_cells(self) -> dict[str, Any]:
        """Return the values of the prediction's row in a table, by column."""
        if self.cells or is_blank(self.text):
            return dict(self.cells)
        return {"answer": self.answer} | ranked_cells(self.ranked(2))

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
        """Return plain data for JSON; a blank text has every key, with empty values.

        The keys ``unknown`` and ``tokens`` are present if a token is unknown.
        """
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
        values |= {"unknown": self.unknown[0], "tokens": self.unknown[1]} if self.unknown and self.unknown[0] else {}
        return values | dict(self.more)


def ranked_cells(ranked: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Return cells for the most probable classes: ``probability``, ``label_2``, ``probability_2``, ``label_3``, …"""
    cells: dict[str, Any] = {}
    for rank, (name, share) in enumerate(ranked, 1):
        cells |= {"probability": round(share, 4)} if rank == 1 else {}
        cells |= {f"label_{rank}": name, f"probability_{rank}": round(share, 4)} if rank > 1 else {}
    return cells


def _marked(piece: Piece) -> str:
    if piece.label:
        return f"[{piece.text}]{piece.label}"
    return f"{piece.text}({piece.weight:+.2f})" if abs(piece.weight) >= LEAST else piece.text


def is_blank(text: str) -> bool:
    """Return whether a text is empty or only white space."""
    return not text.strip()

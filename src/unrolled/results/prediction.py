"""Predictions of a trained model, in the form that terminal, web page, JSON and files share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import marks, markup
from .markup import Shown
from .parts import Part
from .pieces import Margin, Piece


@dataclass(frozen=True)
class Prediction(Shown):
    """The prediction for one input. For a blank text (white space only) everything is empty.

    Attributes:
        text: the input text, or the file's name.
        answer: the most probable class, the translation, the caption; empty if the pieces or parts hold the prediction.
        probabilities: class → probability.
        pieces: the text, split into labelled or weighted spans and the text between them.
        labels: all labels that pieces can have, in the order of their colours.
        margin: what the weights of the pieces explain, if it is the answer; see `Piece` for labels.
        scale: nats of a piece's weight of 1; `None` without an explanation.
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
    labels: tuple[str, ...] = ()
    margin: Margin | None = None
    scale: float | None = None
    parts: tuple[Part, ...] = ()
    lines: tuple[str, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    cells: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[tuple[str, ...], ...] = ()
    unknown: tuple[int, int] | None = None

    def likeliest(self, most: int = 4, separator: str = "  ") -> str:
        """``positive 93%  negative 7%``: the most probable classes, after an answer that is none of them; empty without
        probabilities."""
        shown = [f"{name} {share:.0%}" for name, share in self.ranked(most)]
        other = [self.answer] if shown and self.answer and self.answer not in self.probabilities else []
        return separator.join([*other, *shown])

    def ranked(self, most: int | None = None) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:most]

    def as_cells(self) -> dict[str, Any]:
        """Return the values of the prediction's row in a table, by column."""
        if self.cells or is_blank(self.text):
            return dict(self.cells)
        return {"answer": self.answer} | ranked_cells(self.ranked(2))

    def marked(self) -> str:
        """The text with its marks: ``[Teddy Roosevelt]person(97%)``, ``dreadful(+0.81)``, in nats."""
        return "".join(_marked(piece, self.scale or 1.0) for piece in self.pieces or (Piece(self.text),))

    def explanation(self) -> str:
        """``log-odds of positive against negative +2.31 nats (-0.85 without the words)``; for tags, one of each
        explained label. Empty without an explanation."""
        return "; ".join(self._margins())

    def _margins(self) -> list[str]:
        if self.margin is not None:
            return [self.margin.plain()]
        of = ((" ".join(piece.text.split()), piece.margin) for piece in self.pieces)
        return [f"{text}: {margin.plain()}" for text, margin in of if margin is not None]

    def plain(self) -> str:
        """As text: the answer, the text with its marks, what they explain, and the parts."""
        text = self.marked() if self.pieces else "" if self.answer else self.text
        answer = filter(None, (self.likeliest() or self.answer, text, self.explanation()))
        lines = answer if self.lines is None else self.lines
        return "\n".join((*lines, *(part.plain() for part in self.parts)))

    def html(self) -> str:
        """The text with its marks and what they explain, as HTML in the colours of the page around it."""
        below = self._margins()
        if self.scale is not None:
            of = "" if self.margin is None else f" for {self.margin.chosen} (red) or {self.margin.other} (blue)"
            below.append(f"full colour: {self.scale:.2f} nats{of}")
        return f'<div style="white-space: pre-wrap; line-height: 1.9">{marks.marked(self)}</div>{marks.remarks(below)}'

    def _repr_html_(self) -> str:
        rest = markup.escaped(self.likeliest(separator=" · ").removeprefix(self.answer))
        answer = f"<div><b>{markup.escaped(self.answer)}</b> <small>{rest}</small></div>" if self.answer else ""
        legend = marks.legend([self])
        key = f'<div style="{markup.DIM}; font-size: .85em">{legend}</div>' if legend else ""
        text = f"{answer}{self.html()}{key}" if self.lines is None else markup.preformatted("\n".join(self.lines))
        return f"<div>{text}{''.join(map(markup.part, self.parts))}</div>"

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
            if piece.marked:
                marked.append({"begin": at, "end": at + len(piece.text), **piece.as_json()})
            at += len(piece.text)
        values |= {"pieces": marked} if self.pieces or blank else {}
        values |= {} if self.margin is None else self.margin.as_json()
        values |= {} if self.scale is None else {"scale": self.scale}
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


def _marked(piece: Piece, scale: float) -> str:
    text = f"[{piece.text}]{piece.label}" if piece.label else piece.text
    return text + piece.remarks(scale)


def is_blank(text: str) -> bool:
    """Return whether a text is empty or only white space."""
    return not text.strip()

"""The pieces of a text as HTML: labelled ones in outlined boxes, others in red or blue by their weight.

Colours are transparent over those of the page, light or dark, and nothing depends on them alone: a box has its label, a
weight a solid (for) or dotted (against) underline, which is thicker for a larger weight. Red and blue are those of the
inspector; the boxes have colours of the palette that are neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from .markup import DIM, escaped
from .palette import GREEN, ORANGE, PURPLE
from .pieces import LEAST, Piece, number_of

FOR, AGAINST = "232, 90, 70", "60, 140, 215"  # red, blue
BOXES = (GREEN, PURPLE, ORANGE, "#8a8a8a")
LINES = ("solid", "dashed", "double")  # of the boxes, when the colours are used up
UNKNOWN = '<sup style="opacity: .75; line-height: 0; user-select: none" title="not in the vocabulary">?</sup>'
SMALL = '<small style="opacity: .8; margin-left: .35em">{}</small>'


class Marked(Protocol):
    """See `prediction.Prediction`."""

    @property
    def text(self) -> str: ...
    @property
    def pieces(self) -> tuple[Piece, ...]: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def scale(self) -> float | None: ...


def marked(prediction: Marked) -> str:
    """The whole text of a prediction, with its marks."""
    pieces = prediction.pieces or (Piece(prediction.text),)
    return "".join(_marked(piece, prediction.labels, prediction.scale) for piece in pieces)


def legend(predictions: Iterable[Marked]) -> str:
    """An explanation of the marks that these predictions have; empty without any."""
    predictions = list(predictions)
    labels: dict[str, Sequence[str]] = {}
    for prediction in predictions:
        labels |= {piece.label: prediction.labels for piece in prediction.pieces if piece.label}
    pieces = [piece for prediction in predictions for piece in prediction.pieces]
    lines = [" ".join(_box(name, escaped(name), among) for name, among in sorted(labels.items()))] if labels else []
    if any(piece.weight for piece in pieces):
        lines.append(
            f"{_shade('for', 1.0)} the prediction (red, solid line), {_shade('against', -1.0)} it (blue, dotted line); "
            "stronger colours and thicker lines are larger weights, in nats of log-odds (integrated gradients): "
            "0.69 nats double the odds"
        )
    if any(piece.unknown for piece in pieces):
        lines.append(f"word{UNKNOWN} is not in the vocabulary")
    return "".join(f'<div style="margin: .3em 0; line-height: 1.9">{line}</div>' for line in lines)


def remarks(lines: Iterable[str]) -> str:
    """Lines below a text."""
    return "".join(f'<div style="{DIM}; font-size: .85em; line-height: 1.5">{escaped(line)}</div>' for line in lines)


def _marked(piece: Piece, labels: Sequence[str], scale: float | None) -> str:
    text = escaped(piece.text)
    if piece.label:
        chance = "" if piece.probability is None else f" {piece.probability:.0%}"
        unknown = UNKNOWN if piece.unknown else ""
        title = "" if piece.margin is None else piece.margin.plain()
        return _box(piece.label, f"{text}{unknown}{SMALL.format(escaped(piece.label) + chance)}", labels, title)
    if piece.unknown:
        text += UNKNOWN
    if abs(piece.weight) < LEAST:
        return text
    weight, unit = piece.weight * (scale or 1.0), " nats" if scale else ""
    title = f"{abs(weight):.2f}{unit} for {piece.speaks_for}" if piece.speaks_for else f"{weight:+z.2f}{unit}"
    return _shade(text, piece.weight, title)


def _box(label: str, content: str, labels: Sequence[str], title: str = "") -> str:
    """An outlined box with ``content``, which is HTML, in the colour of the label."""
    round, place = divmod(number_of(label, labels), len(BOXES))
    line = LINES[round % len(LINES)]
    style = (
        f"color: inherit; background: none; border: {3 if line == 'double' else 2}px {line} {BOXES[place]}; "
        "border-radius: 4px; padding: 0 .25em; -webkit-box-decoration-break: clone; box-decoration-break: clone"
    )
    return f'<mark style="{style}"{_title(title)}>{content}</mark>'


def _shade(content: str, weight: float, title: str = "") -> str:
    """``content``, which is HTML, coloured and underlined by a weight."""
    strength = min(1.0, abs(weight))
    colour, line = (FOR, "solid") if weight > 0 else (AGAINST, "dotted")
    style = (
        f"color: inherit; background: rgba({colour}, {0.6 * strength:.2f}); border-radius: 3px; padding: 1px 0; "
        f"text-decoration: underline {line} {1 + round(2 * strength)}px; text-underline-offset: 4px; "
        "text-decoration-skip-ink: none"
    )
    return f'<mark style="{style}"{_title(title)}>{content}</mark>'


def _title(title: str) -> str:
    return f' title="{escaped(title)}"' if title else ""

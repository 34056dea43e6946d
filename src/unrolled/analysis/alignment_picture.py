"""Attention alignments as pictures: a square per pair of tokens, darker for larger weights (Bahdanau et al. 2015)."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import ArgumentError
from .alignment import Alignment
from .picture import check_picture, save_picture, shown

# inches
SIDE = 0.27  # of a square
LETTER = 0.078  # approximate width of a character
GAP = 0.35  # between sentences
WIDEST = 16.0  # width of a picture, unless a sentence is wider

LONGEST = 24  # characters of a token
DENSE = 130  # maximum dots per inch
DOTS, SIDES = 1e7, 3e4  # maximum dots of a picture; of a side


def alignment_picture(path: Path, source: list[str], target: list[str], weights: Tensor, title: str = "") -> None:
    """Write the picture of one sentence; for the arguments see `Alignment`.

    Raises:
        ArgumentError: the path is not suitable for a picture, or the weights have another shape.
        SaveError: the file cannot be written.
    """
    alignments_picture(path, [Alignment(source, target, weights)], [title])


def alignments_picture(path: Path, alignments: Sequence[Alignment], titles: Sequence[str] = ()) -> None:
    """Write the alignments of several sentences to one picture.

    Args:
        path: ends in .png, .svg or .pdf.
        alignments: the sentences.
        titles: a title for each sentence, or none.

    Raises:
        ArgumentError: the path is not suitable for a picture, or there are no alignments.
        SaveError: the file cannot be written.
    """
    check_picture(path)
    if not alignments:
        raise ArgumentError("alignments", "a sequence with at least one alignment", len(alignments))
    from matplotlib.figure import Figure  # without pyplot, which keeps global figures

    blocks = [_Block(alignment, title) for alignment, title in zip(alignments, chain(titles, repeat("")), strict=False)]
    columns = _columns([block.width for block in blocks])
    lines = [blocks[at : at + columns] for at in range(0, len(blocks), columns)]
    widths = [max(block.width for block in blocks[column::columns]) for column in range(columns)]
    W, H = sum(widths) + 1.0, sum(max(block.height for block in line) for line in lines)
    figure = Figure(figsize=(W, H))
    top = 0.0
    for line in lines:
        above = max(block.above for block in line)  # align the first rows of squares
        for column, block in enumerate(line):
            left = sum(widths[:column]) + max(other.beside for other in blocks[column::columns])
            height = SIDE * block.rows
            place = (left / W, 1 - (top + above + height) / H, SIDE * block.columns / W, height / H)
            shades = block.draw(figure.add_axes(place))
        top += above + max(block.height - block.above for block in line)
    tall = min(1.6, SIDE * max(block.rows for block in lines[0]))
    above = max(block.above for block in lines[0])
    bar = figure.colorbar(shades, cax=figure.add_axes(((W - 0.9) / W, 1 - (above + tall) / H, 0.12 / W, tall / H)))
    bar.set_ticks([0, 0.5, 1], labels=["0", "½", "1"], fontsize=8)
    bar.set_label("attention", fontsize=8)
    bar.outline.set_visible(False)
    dots = min(DENSE, SIDES / max(W, H), math.sqrt(DOTS / (W * H)))
    save_picture(figure, path, dots, bbox_inches="tight", pad_inches=0.15)


class _Block:
    """The layout of one sentence in inches: labels ``beside`` and ``above`` the squares, and the total size."""

    def __init__(self, alignment: Alignment, title: str) -> None:
        self.weights = alignment.weights.float().cpu().numpy()
        self.source, self.target = [
            [shown(word, LONGEST) for word in words] for words in (alignment.source, alignment.target)
        ]
        self.columns, self.rows = max(1, len(self.source)), max(1, len(self.target))
        self.beside, self.above = (
            LETTER * max(map(len, words), default=0) + 0.1 for words in (self.target, self.source)
        )
        self.width = self.beside + SIDE * max(4, self.columns) + GAP
        room = int((self.width - GAP) / LETTER)
        self.title = textwrap.fill(shown(title, 400), max(10, room))
        self.height = self.above + SIDE * self.rows + GAP
        if title:
            more = 0.1 + 0.17 * len(self.title.splitlines())
            self.above, self.height = self.above + more, self.height + more

    def draw(self, axis: Any) -> Any:
        """Draw the squares and the labels; return the image for the colour bar."""
        shades = axis.imshow(self.weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axis.set_xticks(range(len(self.source)), self.source, rotation=90, fontsize=9)
        axis.set_yticks(range(len(self.target)), self.target, fontsize=9)
        axis.xaxis.tick_top()
        # light lines between the squares
        axis.set_xticks([n - 0.5 for n in range(1, len(self.source))], minor=True)
        axis.set_yticks([n - 0.5 for n in range(1, len(self.target))], minor=True)
        axis.grid(which="minor", color="#dddddd", linewidth=0.5)
        axis.tick_params(which="both", length=0)
        for side in axis.spines.values():
            side.set_color("#bbbbbb")
        if self.title:
            words = LETTER * max(map(len, self.source), default=0) + 0.15
            axis.annotate(self.title, (0, 1), (-72 * self.beside + 7, 72 * words), xycoords="axes fraction",
                          textcoords="offset points", fontsize=10, va="bottom", annotation_clip=False)  # fmt: skip
        return shades


def _columns(widths: list[float]) -> int:
    """Return the number of columns of a square grid, or as many as fit."""
    columns = math.ceil(math.sqrt(len(widths)))
    while columns > 1 and columns * max(widths) > WIDEST:
        columns -= 1
    return columns

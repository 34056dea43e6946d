"""Where attention looked, as pictures: a square for each pair of words, the darker the more (Bahdanau et al. 2015)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import ArgumentError, SaveError
from .alignment import Alignment
from .picture import check_picture

SIDE = 0.27  # inches of a square
LONGEST = 24  # letters of a word
WIDEST = 17.0  # inches of a picture with more than one column of sentences


def alignment_picture(path: Path, source: list[str], target: list[str], weights: Tensor, title: str = "") -> None:
    """Write one sentence's picture; the arguments as those of `Alignment`.

    Raises:
        ArgumentError: no picture can be written there, or the weights are of another shape.
        SaveError: the disk is full, or it may not be written.
    """
    alignments_picture(path, [Alignment(source, target, weights)], [title])


def alignments_picture(path: Path, alignments: Sequence[Alignment], titles: Sequence[str] = ()) -> None:
    """Write several sentences' pictures into one.

    Args:
        path: ends in .png, .svg or .pdf.
        alignments: at least one.
        titles: one above each, or none.

    Raises:
        ArgumentError: no picture can be written there, or there is nothing to write.
        SaveError: the disk is full, or it may not be written.
    """
    check_picture(path)
    if not alignments:
        raise ArgumentError("alignments", "at least one", len(alignments))
    from matplotlib.figure import Figure  # without pyplot, which keeps figures of the whole process

    sizes = [_size(one) for one in alignments]
    columns = _columns([width for width, _ in sizes])
    rows = math.ceil(len(alignments) / columns)
    widths = [max(width for width, _ in sizes[column::columns]) for column in range(columns)]
    heights = [max(height for _, height in sizes[row * columns : (row + 1) * columns]) for row in range(rows)]
    figure = Figure(figsize=(sum(widths) + 0.7, sum(heights)), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False, width_ratios=widths, height_ratios=heights).flat
    named = [*titles, *[""] * (len(alignments) - len(titles))]
    axes = []
    for axis, one, title in zip(every, alignments, named, strict=False):
        shades = _draw(axis, one, title)
        axes.append(axis)
    for axis in list(every)[len(alignments) :]:
        axis.remove()
    bar = figure.colorbar(shades, ax=axes, fraction=0.02, aspect=30, shrink=min(1.0, 2.5 / sum(heights)), pad=0.02)
    bar.set_label("attention", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    try:
        figure.savefig(path, dpi=130)
    except OSError as error:
        raise SaveError(f"cannot write {path}: {error.strerror}; choose another place") from error


def _size(one: Alignment) -> tuple[float, float]:
    """Inches, with the words beside and above it."""
    beside, above = (max(map(len, map(_shown, words)), default=0) for words in (one.target, one.source))
    return SIDE * max(3, len(one.source)) + 0.08 * beside + 0.4, SIDE * max(2, len(one.target)) + 0.08 * above + 0.6


def _columns(widths: list[float]) -> int:
    """As many as there are rows, or as fit."""
    columns = math.ceil(math.sqrt(len(widths)))
    while columns > 1 and columns * max(widths) > WIDEST:
        columns -= 1
    return columns


def _draw(axis: Any, one: Alignment, title: str) -> Any:
    shades = axis.imshow(one.weights.float().cpu().numpy(), cmap="Blues", vmin=0, vmax=1, aspect="equal")
    axis.set_xticks(range(len(one.source)), [_shown(word) for word in one.source], rotation=90, fontsize=9)
    axis.set_yticks(range(len(one.target)), [_shown(word) for word in one.target], fontsize=9)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    # light lines between the squares
    axis.set_xticks([n - 0.5 for n in range(1, len(one.source))], minor=True)
    axis.set_yticks([n - 0.5 for n in range(1, len(one.target))], minor=True)
    axis.grid(which="minor", color="#dddddd", linewidth=0.5)
    axis.tick_params(which="minor", length=0)
    for side in axis.spines.values():
        side.set_color("#bbbbbb")
    if title:
        axis.set_title(_shown(title, 200), fontsize=10)
    return shades


def _shown(word: str, most: int = LONGEST) -> str:
    """Cut, on one line, and without mathematics."""
    word = "".join(letter if letter.isprintable() else "�" for letter in word)
    word = word if len(word) <= most else word[: most - 1] + "…"
    return word.replace("$", r"\$")

"""Attention alignments of a translation as text."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from torch import Tensor

from ..checks import checked
from ..errors import ArgumentError

# T target tokens, S source tokens

SHADES = "·░▒▓█"
TALLEST = 12  # characters of a source token above its column


@dataclass(frozen=True)
class Alignment:
    """The attention weights of one sentence.

    Attributes:
        source: the S source tokens as they are displayed.
        target: the T target tokens.
        weights: ``(T, S)``, the attention of each target token; or ``(T + 1, S)`` with that of the end token, which is
            added to the target as ``(end)``.

    Raises:
        ArgumentError: the weights have another shape.
    """

    source: list[str]
    target: list[str]
    weights: Tensor

    def __post_init__(self) -> None:
        T, S = len(self.target), len(self.source)
        if tuple(self.weights.shape) not in ((T, S), (T + 1, S)):
            remedy = "remove the columns of padding"
            raise ArgumentError("weights", f"{T} or {T + 1} rows, {S} columns", tuple(self.weights.shape), remedy)
        if len(self.weights) > T:
            object.__setattr__(self, "target", [*self.target, "(end)"])


@checked
def alignment_text(source: list[str], target: list[str], weights: Tensor, width: int = 80) -> str:
    """Format an `Alignment` for a terminal: a line per target token, a column per source token.

        ·░▒▓█  below 1/8, 3/8, 5/8, 7/8, above

    Args:
        source: S tokens, written vertically and truncated to `TALLEST` characters.
        target: T tokens.
        weights: see `Alignment`.
        width: terminal cells per line. Columns are two cells wide, or one if space is short; columns that do not fit
            are replaced with ``…``.

    Raises:
        ArgumentError: the weights have another shape, or the width is below 16.
    """
    if width < 16:
        raise ArgumentError("width", "at least 16", width)
    shown = Alignment([_printable(word) for word in source], [_printable(word) for word in target], weights)
    label = min(max(map(cell_len, shown.target), default=0), width // 3)
    room = width - label - 1
    cell = 2 if 2 * len(source) <= room else 1
    count = len(source) if cell * len(source) <= room else room - 1
    mark = "…" if count < len(source) else ""

    words = [_cut(list(word), TALLEST) for word in shown.source[:count]]
    tallest = max(map(len, words), default=0)
    lines = []
    for level in range(tallest):  # bottom-aligned
        letters = (word[level - tallest + len(word)] if level >= tallest - len(word) else " " for word in words)
        lines.append(" " * (label + 1) + "".join(set_cell_size(letter, cell) for letter in letters))
    for word, row in zip(shown.target, weights.tolist(), strict=True):
        name = word if cell_len(word) <= label else set_cell_size(word, label - 1) + "…"
        shades = (SHADES[min(max(int(4 * w + 0.5), 0), 4)] for w in row[:count])
        cells = "".join(shade * cell if shade != SHADES[0] else shade.ljust(cell) for shade in shades)
        lines.append(" " * (label - cell_len(name)) + name + " " + cells + mark)
    return "\n".join(line.rstrip() for line in lines)


def _cut(letters: list[str], most: int) -> list[str]:
    return letters if len(letters) <= most else [*letters[: most - 1], "…"]


def _printable(word: str) -> str:
    """Replace line breaks and control characters."""
    return "".join(letter if letter.isprintable() else "�" for letter in word)

"""Guess which columns of a table hold the texts and the labels, if its contents leave no doubt.

texts    the only column whose cells have three words on average, and twice as many characters as any other column
labels   the only column whose values are short words, not numbers, and each occur five times on average
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from .rows import NUMBER

EXAMINED = 10_000  # rows
WORDS, TIMES = 3, 5  # of a text at least; occurrences of a label
MOST_LABELS, LONGEST_LABEL = 100, 40
LONGER = 2  # texts are this many times as long as other cells


def candidates(role: str, rows: Sequence[Sequence[str]], others: Sequence[int]) -> list[int]:
    """Return the columns (from 0) that may have this role: ``"text"`` or ``"label"``.

    Args:
        role: the role.
        rows: the first rows, without the header, all with equally many cells.
        others: columns that have another role.
    """
    columns = [[cell.strip() for cell in column if cell.strip()] for column in zip(*rows, strict=True)]
    filled = {at: column for at, column in enumerate(columns) if column and at not in others}
    if role == "label":
        return [at for at, column in filled.items() if _are_labels(column)]
    lengths = {at: fmean(map(len, column)) for at, column in filled.items()}
    texts = [at for at, column in filled.items() if fmean(len(cell.split()) for cell in column) >= WORDS]
    longest = max(lengths.values(), default=0.0)
    return [at for at in texts if lengths[at] * LONGER > longest]


def _are_labels(column: Sequence[str]) -> bool:
    values = set(column)
    numbers = all(NUMBER.fullmatch(value) for value in values)
    short = all(len(value) <= LONGEST_LABEL and len(value.split()) <= WORDS for value in values)
    return short and not numbers and 2 <= len(values) <= min(MOST_LABELS, len(column) // TIMES)

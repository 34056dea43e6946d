"""Levenshtein distance and alignment of two sequences, by bit vectors.

    D[i, j] = min(D[i-1, j] + 1, D[i, j-1] + 1, D[i-1, j-1] + [a_i ≠ b_j])        D[i, 0] = i,  D[0, j] = j

A column j of D is held as two integers: bit i of ``rises`` (``falls``) is set if D[i+1, j] − D[i, j] is +1 (−1). Then a
column follows from the previous one by a dozen operations on integers of any length: Hyyrö 2003, "A bit-vector
algorithm for computing Levenshtein and Damerau edit distances".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T", bound=Hashable)


class Edit(NamedTuple):
    """One step of an alignment: an index in both sequences; `None` in the first: insertion, in the second: deletion."""

    first: int | None
    second: int | None


def distance(a: Sequence[T], b: Sequence[T]) -> int:
    """Return the Levenshtein distance of two sequences.

    >>> distance("kitten", "sitting")
    3
    """
    *_, (rises, falls) = _columns(a, b)
    return len(b) + rises.bit_count() - falls.bit_count()


def align(a: Sequence[T], b: Sequence[T]) -> list[Edit]:
    """Return an alignment of two sequences with the fewest insertions, deletions and substitutions.

    >>> [tuple(edit) for edit in align("abc", "bcd")]
    [(0, None), (1, 0), (2, 1), (None, 2)]
    """
    columns = list(_columns(a, b))
    i, j = len(a), len(b)
    found: list[Edit] = []
    while i or j:
        if i and (not j or columns[j][0] >> (i - 1) & 1):
            i -= 1
            found.append(Edit(i, None))
        elif not i or columns[j - 1][1] >> (i - 1) & 1:
            j -= 1
            found.append(Edit(None, j))
        else:
            i, j = i - 1, j - 1
            found.append(Edit(i, j))
    return found[::-1]


def _columns(a: Sequence[T], b: Sequence[T]) -> Iterator[tuple[int, int]]:
    """Yield ``rises`` and ``falls`` of each column, 0 to len(b)."""
    where: dict[T, int] = {}
    for place, item in enumerate(a):
        where[item] = where.get(item, 0) | 1 << place
    every = (1 << len(a)) - 1
    rises, falls = every, 0
    yield rises, falls
    for item in b:
        equal = where.get(item, 0)
        diagonal = (((equal & rises) + rises) ^ rises) | equal | falls  # D[i, j] = D[i-1, j-1]
        right = falls | ~(diagonal | rises) & every  # D[i, j] = D[i, j-1] + 1
        left = diagonal & rises  # D[i, j] = D[i, j-1] − 1
        right, left = right << 1 | 1, left << 1
        rises, falls = (left | ~(diagonal | right)) & every, right & diagonal & every
        yield rises, falls

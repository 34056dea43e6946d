"""Counting n-grams: every distinct string of 1 to n symbols, and how often it counts in Kneser-Ney smoothing.

    c(g)          how often the string g occurs
    N₁₊(· g)      how many different symbols come before g; a document's beginning counts as one more symbol   (1)
    a(g) = c(g)          for the longest strings                                                            (2)
    a(g) = N₁₊(· g)      for all shorter ones                                                               (3)

Kneser and Ney 1995; Chen and Goodman 1998, section 2.7. A string never reaches over the beginning of a document, but
for its last symbol: the first of a document is predicted from the end of the one before, as every model here does it.

The strings of k symbols are numbered in the order of their keys,

    key(g w) = number(g) · V + w          g the first k − 1 symbols, w the last one                            (4)

so the strings that begin with g lie side by side, and none of it depends on how many symbols V there are. Each length
is one sort of the whole text's keys: 7 lengths of 10 million symbols take some 20 s and 500 MB.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


class Strings(NamedTuple):
    """All distinct strings of one length: ``keys (n,)`` int64, ascending, equation 4; ``counts (n,)`` int32: a."""

    keys: Numbers
    counts: npt.NDArray[np.int32]


def count(tokens: npt.NDArray[Any], starts: Numbers, symbols: int, order: int) -> list[Strings]:
    """The strings of 1, …, ``order`` symbols of a text.

    Args:
        tokens: (N,) its symbols, 0 … symbols − 1; a memory-mapped array is fine.
        starts: positions where documents begin, ascending.
        symbols: V.
        order: n.
    """
    seen = _seen(len(tokens), starts)  # (N,)
    keys, raw, number, example = _distinct(tokens.astype(np.int64))
    found: list[Strings] = []
    for k in range(2, order + 1):
        longer = np.full(len(tokens), -1, dtype=np.int64)
        longer[1:] = number[:-1]
        longer *= symbols
        longer += tokens
        longer[seen < k - 1] = -1  # no such string ends here
        longer_keys, longer_raw, longer_number, example = _distinct(longer)
        del longer
        before = np.bincount(number[example], minlength=len(keys))  # strings one longer, by what they end with
        before[np.unique(number[seen == k - 2])] += 1  #                             (1), (3)
        found.append(Strings(keys, before.astype(np.int32)))
        keys, raw, number = longer_keys, longer_raw, longer_number
    return [*found, Strings(keys, raw.astype(np.int32))]  #                          (2)


def _seen(length: int, starts: Numbers) -> npt.NDArray[np.int32]:
    """(N,): how many symbols of its document each symbol is predicted from."""
    begin = np.zeros(length, dtype=np.int32)
    begin[starts] = starts
    np.maximum.accumulate(begin, out=begin)
    seen = np.arange(length, dtype=np.int32)
    seen[1:] -= begin[:-1]
    return seen


def _distinct(keys: Numbers) -> tuple[Numbers, Numbers, npt.NDArray[np.int32], Numbers]:
    """The distinct keys, ascending; how often each occurs; each position's key's number among them; and a position of
    each. The key −1 is none: its number is −1."""
    order = np.argsort(keys)
    ranked = keys[order]
    is_new = np.empty(len(keys), dtype=bool)
    is_new[:1] = True
    np.not_equal(ranked[1:], ranked[:-1], out=is_new[1:])
    first = np.flatnonzero(is_new)
    none = int(len(keys) > 0 and ranked[0] < 0)
    number = np.empty(len(keys), dtype=np.int32)
    number[order] = np.cumsum(is_new, dtype=np.int32) - (1 + none)
    times = np.diff(first, append=len(keys))
    return ranked[first][none:], times[none:], number, order[first][none:]

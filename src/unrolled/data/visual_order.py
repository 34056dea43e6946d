"""Lines of mixed direction: from logical to visual order by the bidirectional algorithm, and back.

The way back needs levels in visual order. A first assignment comes from the algorithm itself, applied to the line as
if it were a text. A text follows from it, and from this text its real levels; this repeats until they agree. If they
never do, levels of spaces, signs and numbers, the only uncertain ones, are changed one or two at a time. An item is a
character with its marks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, product
from typing import NamedTuple

from .bidi import REMOVED, bidi_class, levels, mirrored, reorder, restore

REPEATS = 4  # of levels from a text and a text from levels
ATTEMPTS = 300  # other assignments of levels


class Logical(NamedTuple):
    """Items in logical order, and whether their visual order is exactly the given one."""

    atoms: list[str]
    exact: bool


@cache
def is_mark(character: str) -> bool:
    """Return whether a character belongs to the one before it: a mark, or an invisible character."""
    return unicodedata.category(character) in ("Mn", "Me") or bidi_class(character) in REMOVED


def to_visual(atoms: Sequence[str], base: int) -> list[tuple[str, int]]:
    """Return items in their order from left to right, each with its index.

    Args:
        atoms: the items in logical order.
        base: the level of the paragraph, 0 from left to right, 1 from right to left.
    """
    found = _levels(atoms, base)
    return [(_turned(atoms[index], found[index]), index) for index in reorder(found)]


def to_logical(visual: Sequence[str], base: int) -> Logical:
    """Return items in logical order, from items in their order from left to right.

    Args:
        visual: the items.
        base: the level of the paragraph.
    """
    best: list[str] | None = None
    starts = [_levels(visual, base), _levels(visual[::-1], base)[::-1]]
    for start in starts:
        found, seen = start, list[list[int]]()
        while found not in seen and len(seen) < REPEATS:
            seen.append(found)
            atoms = _in_logical_order(visual, found)
            best = best or atoms
            real = _levels(atoms, base)
            order = reorder(real)
            if _same(atoms, real, order, visual):
                return Logical(atoms, True)
            found = [real[index] for index in order]
    for found in _others(visual, starts, base):
        atoms = _in_logical_order(visual, found)
        real = _levels(atoms, base)
        if _same(atoms, real, reorder(real), visual):
            return Logical(atoms, True)
    return Logical(best or [], not visual)


def _levels(atoms: Sequence[str], base: int) -> list[int]:
    """Return the level of each item, that of its first character."""
    found, place, chosen = levels("".join(atoms), base), 0, []
    for atom in atoms:
        chosen.append(found[place])
        place += len(atom)
    return chosen


def _turned(atom: str, level: int) -> str:
    return mirrored(atom[0]) + atom[1:] if level & 1 else atom


def _in_logical_order(visual: Sequence[str], found: Sequence[int]) -> list[str]:
    return [_turned(visual[index], found[index]) for index in restore(found)]


def _same(atoms: Sequence[str], found: Sequence[int], order: Sequence[int], visual: Sequence[str]) -> bool:
    return all(_turned(atoms[index], found[index]) == item for index, item in zip(order, visual, strict=True))


def _others(visual: Sequence[str], starts: Sequence[Sequence[int]], base: int) -> Iterator[list[int]]:
    """Yield other levels for one run or two of items without a direction of their own, at most `ATTEMPTS`."""
    runs: list[list[int]] = []
    last = ""
    for index, atom in enumerate(visual):
        kind = bidi_class(atom[0])
        kind = "" if kind in ("L", "R", "AL") else "number" if kind in ("EN", "AN") else "sign"
        if kind and kind == last:
            runs[-1].append(index)
        elif kind:
            runs.append([index])
        last = kind
    remaining = ATTEMPTS
    for count in (1, 2):
        for chosen, values, start in product(combinations(runs, count), product(range(base, 3), repeat=count), starts):
            if not remaining:
                return
            found = list(start)
            for run, value in zip(chosen, values, strict=True):
                for index in run:
                    found[index] = value
            remaining -= 1
            yield found

"""Made-up pairs in three parts, no source of which occurs twice.

A pair is a pure function of the seed and of the random numbers that it is given. Those that were made before are passed
over, and the parts are drawn by lot from what is left, so all three are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import ArgumentError
from .bitext import Pairs
from .counter import uniform

SIZES = (20_000, 1_000, 2_000)  # pairs of each part
_BLOCK = 4096  # made at once
_PARTS = 0x9A27  # the lot that divides is not the one that makes


def parts_of(
    make: Callable[[Sequence[float]], tuple[str, str]], draws: int, seed: int, sizes: Sequence[int]
) -> tuple[Pairs, Pairs, Pairs]:
    """Training, validation and test pairs.

    Args:
        make: a source and its target, from numbers in [0, 1).
        draws: how many numbers that takes.
        seed: other pairs for another one.
        sizes: pairs of each part.
    """
    total, begin = sum(sizes), 0
    made: dict[str, tuple[str, str]] = {}
    while len(made) < total:
        if begin > 20 * (total + _BLOCK):
            raise ArgumentError("sizes", f"at most {len(made):,} pairs together", total, "there are no more")
        numbers = uniform(seed, np.arange(begin, begin + _BLOCK)[:, None], np.arange(draws))
        for row in numbers.tolist():
            pair = make(row)
            made.setdefault(pair[0].casefold(), pair)
        begin += _BLOCK
    pairs = list(made.values())[:total]
    order = np.argsort(uniform(seed, _PARTS, np.arange(total)), kind="stable").tolist()
    every = Pairs([source for source, _ in pairs], [target for _, target in pairs])
    first, second = sizes[0], sizes[0] + sizes[1]
    return every.pick(order[:first]), every.pick(order[first:second]), every.pick(order[second:])


def pick(among: Sequence[str], draw: float) -> str:
    """One of them, by a number in [0, 1)."""
    return among[int(draw * len(among))]

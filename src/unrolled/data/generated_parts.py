"""Generate pairs with distinct sources, split into training, validation and test parts.

A pair is a pure function of the seed and its random numbers. Duplicates are skipped, and the split is random, so all
three parts have the same distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import ArgumentError
from .bitext import Pairs
from .counter import uniform

SIZES = (20_000, 1_000, 2_000)  # pairs of each part
_BLOCK = 4096  # pairs generated at once
_PARTS = 0x9A27  # counter of the random split


def generate_parts(
    make: Callable[[Sequence[float]], tuple[str, str]], draws: int, seed: int, sizes: Sequence[int]
) -> tuple[Pairs, Pairs, Pairs]:
    """Generate training, validation and test pairs.

    Args:
        make: maps random numbers in [0, 1) to a source and its target.
        draws: random numbers per pair.
        seed: random seed.
        sizes: number of pairs of each part.

    Raises:
        ArgumentError: there are fewer distinct pairs than ``sizes`` in total.
    """
    total, begin = sum(sizes), 0
    generated: dict[str, tuple[str, str]] = {}
    while len(generated) < total:
        if begin > 20 * (total + _BLOCK):
            raise ArgumentError(
                "sizes", f"at most {len(generated):,} pairs in total", total, "there are no more distinct pairs"
            )
        numbers = uniform(seed, np.arange(begin, begin + _BLOCK)[:, None], np.arange(draws))
        for row in numbers.tolist():
            pair = make(row)
            generated.setdefault(pair[0].casefold(), pair)
        begin += _BLOCK
    pairs = list(generated.values())[:total]
    order = np.argsort(uniform(seed, _PARTS, np.arange(total)), kind="stable").tolist()
    all_pairs = Pairs([source for source, _ in pairs], [target for _, target in pairs])
    first, second = sizes[0], sizes[0] + sizes[1]
    return all_pairs.pick(order[:first]), all_pairs.pick(order[first:second]), all_pairs.pick(order[second:])


def pick(among: Sequence[str], draw: float) -> str:
    """Return the item selected by a random number in [0, 1)."""
    return among[int(draw * len(among))]

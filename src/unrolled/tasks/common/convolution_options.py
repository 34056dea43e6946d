"""The limits of the options of a network of convolutions: feature maps, depth of a block, width of the filters."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ArgumentError

MOST_BLOCKS, WIDEST, DEEPEST = 8, 4096, 16


def check_convolutions(maps: Sequence[int], depth: int = 1, kernel_size: int = 3) -> None:
    """Raise `ArgumentError` for numbers that are out of range."""
    if not 1 <= len(maps) <= MOST_BLOCKS or not all(1 <= count <= WIDEST for count in maps):
        expected = f"1 to {MOST_BLOCKS} numbers from 1 to {WIDEST:,}, one for each block"
        raise ArgumentError("maps", expected, " ".join(map(str, maps)))
    if kernel_size % 2 == 0 or kernel_size > 31:
        raise ArgumentError("kernel_size", "odd and at most 31", kernel_size)
    if depth > DEEPEST:
        raise ArgumentError("depth", f"at most {DEEPEST}", depth)

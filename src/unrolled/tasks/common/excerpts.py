"""Excerpts of the first examples as they were read: they show a wrong column or encoding before training."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ...training.log import Excerpt

SHOWN = 2  # examples
LONGEST = 300  # characters of an example

_VISIBLE: dict[int, int | str] = {code: 0x2400 + code for code in range(0x20)}
_VISIBLE.update(dict.fromkeys((*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF), 0xFFFD))
_VISIBLE.update({ord("\n"): "↵", ord("\t"): "→"})


def excerpts(examples: Iterable[str]) -> list[str]:
    """Return notes that show the first examples, with control characters made visible."""
    return [Excerpt(f"read: {visible(example)}") for example in islice(examples, SHOWN)]


def visible(text: str) -> str:
    """Return the beginning of a text on one line, with line ends, tabs and control characters made visible."""
    return text[:LONGEST].translate(_VISIBLE)

"""The first examples as they were read: a wrong column or encoding is seen before any training."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from ...training.log import Excerpt

SHOWN = 2  # examples
LONGEST = 300  # characters of one

_SEEN: dict[int, int | str] = {code: 0x2400 + code for code in range(0x20)}
_SEEN.update(dict.fromkeys((*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF), 0xFFFD))
_SEEN.update({ord("\n"): "↵", ord("\t"): "→"})


def excerpts(examples: Iterable[str]) -> list[str]:
    """Notes on the first examples, control characters made visible."""
    return [Excerpt(f"read: {visible(example)}") for example in islice(examples, SHOWN)]


def visible(text: str) -> str:
    """The beginning of a text on one line, in which line ends, tabs and control characters are to be seen."""
    return text[:LONGEST].translate(_SEEN)

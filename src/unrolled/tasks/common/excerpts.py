"""Excerpts of the examples: the first ones as they were read, which shows a wrong column or encoding before training,
and a short one for trying the trained model."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import islice

from ...training.log import Excerpt

SHOWN = 2  # examples
LONGEST = 300  # characters of an example
TRIED, FEW_WORDS, SHORT = 50, 3, 60  # texts searched for a short one; its words at least, and characters at most

_VISIBLE: dict[int, int | str] = {code: 0x2400 + code for code in range(0x20)}
_VISIBLE.update(dict.fromkeys((*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF), 0xFFFD))
_VISIBLE.update({ord("\n"): "↵", ord("\t"): "→"})


def excerpts(examples: Iterable[str]) -> list[str]:
    """Return notes that show the first different examples, with control characters made visible."""
    different = dict.fromkeys(islice(examples, TRIED))
    return [Excerpt(f"read: {visible(example)}") for example in islice(different, SHOWN)]


def short_example(texts: Sequence[str]) -> str:
    """Return the first short text that can be an argument on the command line, or the beginning of a longer one.

    Empty if there is none: with line ends or control characters, or a hyphen in front, which would make it an option.
    """
    usable = [text for text in texts[:TRIED] if text.isprintable() and not text.lstrip().startswith("-")]
    for text in usable:
        if len(text) <= SHORT and len(text.split()) >= FEW_WORDS:
            return text
    return textwrap.shorten(usable[0], SHORT, placeholder="") if usable else ""


def visible(text: str) -> str:
    """Return the beginning of a text on one line, with line ends, tabs and control characters made visible."""
    return text[:LONGEST].translate(_VISIBLE)

"""Words of a sentence, for tasks that read text and do not write it.

`cut` follows the Penn Treebank in what matters for word vectors: ``it's`` is ``it 's``, ``don't`` is ``do n't``,
hyphens hold a word together, and every other sign stands alone. White space is left out, but each token knows where it
stood.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"\w+?(?=n['’]t\b)"  # do, before n't
    r"|n['’]t\b"
    r"|['’](?:s|m|d|re|ve|ll)\b"
    r"|\d+(?:[.,]\d+)+"
    r"|\w+(?:-\w+)*"
    r"|\.{2,}|``|''"
    r"|[^\w\s]",
    re.IGNORECASE,
)


class Token(NamedTuple):
    """A stretch of a text: ``text[begin:end]`` is what it was cut from."""

    text: str
    begin: int
    end: int


def cut(text: str, *, lowercase: bool = False) -> list[Token]:
    """The tokens of ``text`` in order."""
    found = ((match.group(), *match.span()) for match in _TOKEN.finditer(text))
    return [Token(word.lower() if lowercase else word, begin, end) for word, begin, end in found]

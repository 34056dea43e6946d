"""Word tokenizer for text classification.

`tokenize` follows the Penn Treebank as far as it matters for word vectors: ``it's`` is ``it 's``, ``don't`` is
``do n't``, hyphenated words are one token, and other punctuation marks are separate tokens. White space is dropped;
tokens have offsets.
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
    """A token and its offsets in the text."""

    text: str
    begin: int
    end: int


def tokenize(text: str, *, lowercase: bool = False) -> list[Token]:
    """Return the tokens of ``text``.

    >>> [token.text for token in tokenize("It's well-made.")]
    ['It', "'s", 'well-made', '.']
    """
    matches = ((match.group(), *match.span()) for match in _TOKEN.finditer(text))
    return [Token(word.lower() if lowercase else word, begin, end) for word, begin, end in matches]

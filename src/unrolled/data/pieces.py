"""Split a stream of text at token boundaries, for word and byte-pair tokenizers.

Tokens are runs of either visible characters (with a space before them) or white space, so a position where white space
follows a visible character is always a token boundary. Text split there and encoded piece by piece has the same tokens
as the whole. Text without such positions (Chinese, base64) is split at the maximum size; one token there may differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_SPACES = " \n\t\r"


class Chunk(NamedTuple):
    """A piece of text; ``starts`` are the ascending positions at which documents start."""

    text: str
    starts: tuple[int, ...]


class Piece(NamedTuple):
    """A piece of one document that can be tokenized by itself; ``begins``: whether it starts the document."""

    text: str
    begins: bool


def last_cut(text: str) -> int:
    """Return the last token boundary at which ``text`` can be split; 0 if there is none."""
    at = len(text)
    while at > 0:
        at = max(text.rfind(space, 0, at) for space in _SPACES)
        while at > 0 and text[at - 1].isspace():
            at -= 1
        # Other white space (U+001C, no-break space) is visible for some tokenizers, so the boundary is not certain.
        if at > 0 and text[at] in _SPACES:
            return at
    return 0


def cut_safely(text: str, size: int) -> Iterator[str]:
    """Split ``text`` into pieces of at most ``size`` characters, at token boundaries if possible."""
    at = 0
    while len(text) - at > size:
        end = at + (last_cut(text[at : at + size + 1]) or size)
        yield text[at:end]
        at = end
    if at < len(text):
        yield text[at:]


def pieces(chunks: Iterable[Chunk], size: int = 1 << 18) -> Iterator[Piece]:
    """Split the text of ``chunks`` into pieces that end with a document, at a token boundary or, if there is none,
    above ``size`` characters."""
    held, begins = "", False
    for text, starts in chunks:
        at = 0
        for start in starts:
            held += text[at:start]
            if held:
                yield Piece(held, begins)
            held, begins, at = "", True, start
        held += text[at:]
        cut = last_cut(held) or (len(held) if len(held) > size else 0)
        if cut:
            yield Piece(held[:cut], begins)
            held, begins = held[cut:], False
    if held:
        yield Piece(held, begins)

"""Cutting a stream of text where no word or byte-pair token can straddle the cut.

Tokens are runs of either visible characters (with a space before them) or white space, so a place where white
space follows a visible character is always between two tokens, whatever comes before or after. Text cut there
and encoded piece by piece has the same tokens as the whole. In text without such places (Chinese, base64) a
piece is cut at its full length instead: nothing is lost, one token at the cut may differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_SPACES = " \n\t\r"


class Chunk(NamedTuple):
    """A stretch of text; ``starts`` are the positions in it, ascending, where a document begins."""

    text: str
    starts: tuple[int, ...]


class Piece(NamedTuple):
    """A stretch of one document that can be tokenised by itself; ``begins``: the document begins with it."""

    text: str
    begins: bool


def last_cut(text: str) -> int:
    """The last position at which ``text`` can be cut without cutting a token; 0 if there is none."""
    at = len(text)
    while at > 0:
        at = max(text.rfind(space, 0, at) for space in _SPACES)
        while at > 0 and text[at - 1].isspace():
            at -= 1
        # Other white space (U+001C, no-break space) counts as visible for some tokenisers: not a sure place.
        if at > 0 and text[at] in _SPACES:
            return at
    return 0


def cut_safely(text: str, size: int) -> Iterator[str]:
    """``text`` in pieces of at most ``size`` characters."""
    at = 0
    while len(text) - at > size:
        end = at + (last_cut(text[at : at + size + 1]) or size)
        yield text[at:end]
        at = end
    if at < len(text):
        yield text[at:]


def pieces(chunks: Iterable[Chunk], size: int = 1 << 18) -> Iterator[Piece]:
    """The text of ``chunks`` in pieces that end at the end of a document, at a safe place or, failing both,
    once they are longer than ``size``."""
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

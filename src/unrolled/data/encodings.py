"""Guess the encoding of a file that gives none: UTF-8, or Windows-1252 where the bytes are not UTF-8 but plausible.

Windows-1252 is what Excel and older programs write in Western Europe and America. Almost any bytes can be decoded with
it, so the result must look like text: accented letters and typographic signs where words have them. Text in other
encodings (Mac, DOS, Central European, Cyrillic) has signs inside words or is mostly letters beyond ASCII, and is not
guessed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable

AUTO = "auto"
UTF8, WINDOWS = "utf-8", "cp1252"
EXAMINED = 1 << 22  # bytes examined for plausibility

_BEYOND = re.compile(r"[^\x00-\x7f]")
_WITHIN_WORDS = frozenset("’‘–—·\xad/")  # signs that may be between two letters


def guess(blocks: Callable[[], Iterable[bytes]]) -> str:
    """Return ``"cp1252"`` if the bytes of ``blocks()`` are not UTF-8 but plausible Windows-1252, else ``"utf-8"``."""
    decoder = codecs.getincrementaldecoder(UTF8)()
    ascii_only = True
    try:
        for block in blocks():
            ascii_only = decoder.decode(block).isascii() and ascii_only
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        sample = bytearray()
        for block in blocks():
            sample += block[: EXAMINED - len(sample)]
        return WINDOWS if ascii_only and is_plausible(bytes(sample)) else UTF8
    return UTF8


def is_plausible(sample: bytes) -> bool:
    """Return whether bytes are plausible as Windows-1252."""
    if b"\0" in sample:
        return False
    try:
        text = sample.decode(WINDOWS)
    except UnicodeDecodeError:
        return False
    places = [match.start() for match in _BEYOND.finditer(text)]
    letters = sum(map(str.isalpha, text))
    accented = sum(text[at].isalpha() for at in places)
    odd = sum(_is_odd(text[at - 1 : at], text[at], text[at + 1 : at + 2]) for at in places)
    return odd * 20 <= len(places) and accented * 10 <= letters * 4


def _is_odd(before: str, sign: str, after: str) -> bool:
    """Whether a character beyond ASCII is unlikely between these two."""
    if sign.isalpha():
        return sign.isupper() and before.islower()
    inside = before.isalpha() and after.isalpha()
    return (inside and sign not in _WITHIN_WORDS) or (sign in "‚„" and before.isalpha())

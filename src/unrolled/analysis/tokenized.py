"""A text as symbols that know their places: for each the number of its last character in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import StreamingDecoder, Vocabulary, WordVocabulary
from ..data.conll_words import line_spans
from ..data.pieces import Chunk, pieces
from ..data.words import tokens
from ..errors import DataError

Ids = npt.NDArray[np.int64]

_PARAGRAPH = re.compile(r"\n[ \t]*\n+(?=\S)")


@dataclass(frozen=True)
class Read:
    """An input, or a part of one that is read by itself, such as a line of a text.

    Attributes:
        ids: ``(N,)``: its symbols.
        places: ``(N,)``: the place of each, of a symbol of several characters the last of them.
        starts: the numbers of the symbols with which documents begin.
        words: the symbols as words, for a tagger.
        rests: the numbers of the symbols with which paragraphs begin, ascending: where a quotation, a bracket or a
            comment is seldom open, and reading can begin without having missed it.
    """

    ids: Ids
    places: Ids
    starts: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    rests: Ids = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def located(vocabulary: Vocabulary, text: str, starts: Sequence[int] = (0,)) -> Read:
    """The whole text as one sequence, each document encoded for itself.

    Args:
        vocabulary: the symbols.
        text: at least one character.
        starts: where documents begin, ascending.

    Raises:
        DataError: the vocabulary lacks a character of the text.
    """
    ids: list[npt.NDArray[Any]] = []
    places: list[Ids] = []
    begun: list[int] = []
    at = count = 0
    if vocabulary.one_per_character:
        every = np.arange(len(text))
        return Read(vocabulary.encode(text).astype(np.int64), every, tuple(starts), rests=_rests(text, every))
    for piece in pieces([Chunk(text, tuple(starts))]):
        some = vocabulary.encode(piece.text)
        if piece.begins:
            begun.append(count)
        ids.append(some)
        places.append(at + last_characters(vocabulary, some, piece.text))
        at, count = at + len(piece.text), count + len(some)
    where = np.concatenate(places)
    return Read(np.concatenate(ids).astype(np.int64), where, tuple(begun), rests=_rests(text, where))


def _rests(text: str, places: Ids) -> Ids:
    """The symbols that stand where a line without indentation begins after a blank one."""
    begins = np.array([found.end() for found in _PARAGRAPH.finditer(text)], dtype=np.int64)
    return np.searchsorted(places, begins)


def last_characters(vocabulary: Vocabulary, ids: npt.NDArray[Any], text: str) -> Ids:
    """``(N,)``: the last character of each symbol of ``text``."""
    if vocabulary.one_per_character:
        return np.arange(len(text))
    if isinstance(vocabulary, WordVocabulary):
        return np.cumsum([len(token) for token in tokens(text)]) - 1
    if vocabulary.kind == "byte":
        first = np.frombuffer(text.encode(), dtype=np.uint8) & 0xC0 != 0x80  # bytes with which a character begins
        return np.cumsum(first) - 1
    decoder = StreamingDecoder(vocabulary)
    return np.maximum(np.cumsum([len(decoder.feed(int(id))) for id in ids]) - 1, 0)


def lines_with_words(text: str) -> list[tuple[int, int]]:
    """Begin and end of each line that is not blank."""
    return [(begin, end) for begin, end in line_spans(text) if text[begin:end].strip()]


def not_empty(lines: list[Read]) -> list[Read]:
    """The lines; DataError if there are none."""
    if not lines:
        raise DataError("the text has no words to read; give a text with a review or sentence per line")
    return lines

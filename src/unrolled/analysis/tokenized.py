"""Tokenization of a text with the place of each token: the index of its last character."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import StreamingDecoder, TokenizedVocabulary, Vocabulary, WordVocabulary
from ..data.conll_words import line_spans
from ..data.pieces import Chunk, pieces
from ..data.tokenized import spans
from ..data.words import tokens
from ..errors import DataError

Ids = npt.NDArray[np.int64]

_PARAGRAPH = re.compile(r"\n[ \t]*\n+(?=\S)")


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of an input, or of a part that is read separately, such as a line.

    Attributes:
        ids: ``(N,)``, the token ids.
        places: ``(N,)``, the place of each token in the input: its last character.
        starts: indices of the tokens with which documents begin.
        words: the words, for a tagger.
        paragraphs: indices of the tokens with which paragraphs begin, ascending: where a quotation, a bracket or a
            comment is rarely open, so that reading can start there.
    """

    ids: Ids
    places: Ids
    starts: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    paragraphs: Ids = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def tokenize(vocabulary: Vocabulary, text: str, starts: Sequence[int] = (0,)) -> TokenSequence:
    """Encode a text as one sequence, each document separately.

    Args:
        vocabulary: the vocabulary.
        text: at least one character.
        starts: positions where documents begin, ascending.

    Raises:
        DataError: the text has characters outside the vocabulary.
    """
    ids: list[npt.NDArray[Any]] = []
    places: list[Ids] = []
    document_starts: list[int] = []
    at = count = 0
    if vocabulary.one_per_character:
        characters = np.arange(len(text))
        ids_of_text = vocabulary.encode(text).astype(np.int64)
        return TokenSequence(ids_of_text, characters, tuple(starts), paragraphs=_paragraphs(text, characters))
    for piece in pieces([Chunk(text, tuple(starts))]):
        piece_ids = vocabulary.encode(piece.text)
        if piece.begins:
            document_starts.append(count)
        ids.append(piece_ids)
        places.append(at + last_characters(vocabulary, piece_ids, piece.text))
        at, count = at + len(piece.text), count + len(piece_ids)
    ends = np.concatenate(places)
    all_ids = np.concatenate(ids).astype(np.int64)
    return TokenSequence(all_ids, ends, tuple(document_starts), paragraphs=_paragraphs(text, ends))


def _paragraphs(text: str, places: Ids) -> Ids:
    """Return the indices of the tokens at which an unindented line begins after a blank line."""
    begins = np.array([match.end() for match in _PARAGRAPH.finditer(text)], dtype=np.int64)
    return np.searchsorted(places, begins)


def last_characters(vocabulary: Vocabulary, ids: npt.NDArray[Any], text: str) -> Ids:
    """Return ``(N,)``: the index of the last character of each token of ``text``."""
    if vocabulary.one_per_character:
        return np.arange(len(text))
    if isinstance(vocabulary, WordVocabulary):
        return np.cumsum([len(token) for token in tokens(text)]) - 1
    if isinstance(vocabulary, TokenizedVocabulary):
        return np.array([end - 1 for _, end in spans(text)], dtype=np.int64)
    if vocabulary.kind == "byte":
        first = np.frombuffer(text.encode(), dtype=np.uint8) & 0xC0 != 0x80  # first bytes of characters
        return np.cumsum(first) - 1
    decoder = StreamingDecoder(vocabulary)
    return np.maximum(np.cumsum([len(decoder.feed(int(id))) for id in ids]) - 1, 0)


def lines_with_words(text: str) -> list[tuple[int, int]]:
    """Return (begin, end) of each line that is not blank."""
    return [(begin, end) for begin, end in line_spans(text) if text[begin:end].strip()]


def check_not_empty(lines: list[TokenSequence]) -> list[TokenSequence]:
    """Return the lines; raise `DataError` if there are none."""
    if not lines:
        raise DataError("the text has no words; provide a text with a review or sentence per line")
    return lines

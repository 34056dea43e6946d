"""A text as symbols that know their places: for each the number of its last character in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import StreamingDecoder, Vocabulary, WordVocabulary
from ..data.conll_words import lines_of, words_of
from ..data.pieces import Chunk, pieces
from ..data.words import tokens
from ..errors import DataError
from ..tasks.classify.reading import Reader
from ..tasks.lm.trained import TrainedLanguageModel
from ..tasks.tag.words import Lexicon, stretches
from ..tasks.translate.units import Language

Ids = npt.NDArray[np.int64]

_PARAGRAPH = re.compile(r"\n[ \t]*\n+(?=\S)")


@dataclass(frozen=True)
class Read:
    """A text, or a line of one.

    Attributes:
        ids: ``(N,)``: its symbols.
        places: ``(N,)``: of each the last character.
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


def of_language_model(model: TrainedLanguageModel, text: str, starts: Sequence[int]) -> Read:
    """The whole text as one sequence, each document encoded for itself."""
    ids: list[npt.NDArray[Any]] = []
    places: list[Ids] = []
    begun: list[int] = []
    at = count = 0
    vocabulary = model.vocabulary
    if vocabulary.one_per_character:
        every = np.arange(len(text))
        return Read(vocabulary.encode(text).astype(np.int64), every, tuple(starts), rests=_rests(text, every))
    for piece in pieces([Chunk(text, tuple(starts))]):
        some = vocabulary.encode(piece.text)
        if piece.begins:
            begun.append(count)
        ids.append(some)
        places.append(at + _ends(vocabulary, some, piece.text))
        at, count = at + len(piece.text), count + len(some)
    where = np.concatenate(places)
    return Read(np.concatenate(ids).astype(np.int64), where, tuple(begun), rests=_rests(text, where))


def _rests(text: str, places: Ids) -> Ids:
    """The symbols that stand where a line without indentation begins after a blank one."""
    begins = np.array([found.end() for found in _PARAGRAPH.finditer(text)], dtype=np.int64)
    return np.searchsorted(places, begins)


def of_reader(reader: Reader, text: str) -> list[Read]:
    """Lines as a classifier reads them."""
    found = []
    for begin, end in _lines(text):
        at, places = begin, []
        for piece, number in reader.pieces(text[begin:end]):
            at += len(piece)
            if number is not None:
                places.append(max(begin, at - 1))
        ids = reader.encode(text[begin:end]).astype(np.int64)
        if len(ids) == len(places):  # a line without any symbol has one for nothing
            found.append(Read(ids, np.array(places, dtype=np.int64)))
    return _some(found)


def of_tagger(lexicon: Lexicon, text: str, most: int) -> list[Read]:
    """Lines as a tagger reads them, long ones in stretches of at most ``most`` words."""
    found = []
    for begin, end in _lines(text):
        spans = words_of(text[begin:end])
        for a, b in stretches(len(spans), most):
            words = tuple(text[begin + x : begin + y] for x, y in spans[a:b])
            if words:
                ends = np.array([begin + y - 1 for _, y in spans[a:b]], dtype=np.int64)
                found.append(Read(lexicon.ids(words), ends, words=words))
    return _some(found)


def of_translator(language: Language, text: str, backwards: bool) -> list[Read]:
    """Lines as a translator reads its source."""
    found = []
    for begin, end in _lines(text):
        line = text[begin:end]
        begin += len(line) - len(line.lstrip())
        shown = line.strip()
        ids = language.encode(line)
        space = "" if language.vocabulary.one_per_character or language.vocabulary.kind == "byte" else " "
        places = _ends(language.vocabulary, language.vocabulary.encode(space + shown), space + shown)
        if len(places) != len(ids):  # small letters may be more bytes than large ones
            places = np.linspace(0, len(shown) + len(space) - 1, len(ids)).astype(np.int64)
        places = begin + np.maximum(places - len(space), 0)
        found.append(Read(ids[::-1].copy(), places[::-1].copy()) if backwards else Read(ids, places))
    return _some(found)


def _ends(vocabulary: Vocabulary, ids: npt.NDArray[Any], text: str) -> Ids:
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


def _lines(text: str) -> list[tuple[int, int]]:
    return [(begin, end) for begin, end in lines_of(text) if text[begin:end].strip()]


def _some(lines: list[Read]) -> list[Read]:
    if not lines:
        raise DataError("the text has no words to read; give a text with a review or sentence per line")
    return lines

"""Extend a vocabulary by the tokens of another text, for a model that goes on learning from that text.

Tokens of words keep their ids, and new ones follow; characters are sorted, so `rows` maps new ids to old ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DataError
from .characters import CharVocabulary
from .tokenized import TokenizedVocabulary
from .vocabulary import Ids, Vocabulary
from .words import WordVocabulary


def extended(old: Vocabulary, new: Vocabulary, where: str) -> Vocabulary:
    """Return ``old`` with the tokens of ``new`` that it lacks; bytes and byte pairs encode any text unchanged.

    Args:
        old: the vocabulary of a model.
        new: the vocabulary of another text, of the same kind.
        where: the model, for messages.

    Raises:
        DataError: they have no token in common.
    """
    if isinstance(old, CharVocabulary) and isinstance(new, CharVocabulary):
        _check_common(old.symbols, new.symbols, where, "character")
        unknown = old.unknown is not None or new.unknown is not None
        return CharVocabulary(old.symbols + new.symbols, unknown=unknown)
    if isinstance(old, WordVocabulary) and isinstance(new, WordVocabulary):
        _check_common(old.words[1:], new.words[1:], where, "word")
        return WordVocabulary(list(dict.fromkeys([*old.words[1:], *new.words[1:]])))
    if isinstance(old, TokenizedVocabulary) and isinstance(new, TokenizedVocabulary):
        _check_common(old.words, new.words, where, "word")
        return TokenizedVocabulary(dict.fromkeys([*old.words, *new.words]))
    return old


def rows(old: Vocabulary, new: Vocabulary) -> Ids:
    """Return the id in ``old`` of each token of ``new``, which extends it, or -1: ``(N,)`` int64."""
    if isinstance(old, CharVocabulary) and isinstance(new, CharVocabulary):
        return index_of(old.symbols, new.symbols)
    ids = np.arange(len(new))
    return np.where(ids < len(old), ids, -1)


def index_of(old: Sequence[str], new: Sequence[str]) -> Ids:
    """Return the index in ``old`` of each item of ``new``, or -1: ``(N,)`` int64."""
    places = {item: at for at, item in enumerate(old)}
    return np.array([places.get(item, -1) for item in new], dtype=np.int64)


def _check_common(old: Sequence[str], new: Sequence[str], where: str, what: str) -> None:
    if new and set(old).isdisjoint(new):
        raise DataError(f"the data and {where} have no {what} in common; give text in the language of that model")

"""Vocabularies from text, and from the plain data stored in a model file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..checks import checked
from ..errors import ArgumentError, DataError, clause, did_you_mean
from .characters import ByteVocabulary, CharacterCounts, CharVocabulary
from .subwords import BPEVocabulary
from .vocabulary import MAX_SYMBOLS, Vocabulary
from .words import WordVocabulary, tokens

KINDS = ("char", "byte", "word", "bpe")
VOCAB_SIZE = 8192  # symbols of a byte-pair vocabulary, unless told otherwise


def check_options(kind: str, min_count: int, vocab_size: int) -> None:
    """Raise ArgumentError unless a vocabulary can be built with these options."""
    if kind not in KINDS:
        raise ArgumentError("vocabulary", f"one of {', '.join(KINDS)}{clause(did_you_mean(kind, KINDS))}", kind)
    if min_count < 1:
        raise ArgumentError("min_count", "at least 1", min_count)
    if kind == "bpe" and not 256 <= vocab_size <= MAX_SYMBOLS:
        raise ArgumentError("vocab_size", f"between 256 (the bytes) and {MAX_SYMBOLS}", vocab_size)


@checked
def build_vocabulary(
    kind: str, chunks: Iterable[str], *, min_count: int = 1, vocab_size: int = VOCAB_SIZE
) -> Vocabulary:
    """A vocabulary for the text of ``chunks``, which is read once and never held as a whole.

    For words and byte pairs each chunk is tokenised by itself, so it should end where a token ends
    (`pieces`).

    Args:
        kind: 'char', 'byte', 'word' or 'bpe'.
        min_count: characters or words seen less often become the unknown symbol.
        vocab_size: the number of symbols of a byte-pair vocabulary.
    """
    check_options(kind, min_count, vocab_size)
    if kind == "byte":
        return ByteVocabulary()
    if kind == "bpe":
        return BPEVocabulary.train(chunks, vocab_size)
    if kind == "char":
        characters = CharacterCounts()
        for chunk in chunks:
            characters.add(chunk)
        return CharVocabulary.from_counts(characters, min_count)
    words: Counter[str] = Counter()
    for chunk in chunks:
        words.update(tokens(chunk))
    return WordVocabulary.from_counts(words, min_count)


def vocabulary_from_json(data: object) -> Vocabulary:
    """The vocabulary that `Vocabulary.to_json` described. It may come from anyone: DataError on nonsense."""
    fields: dict[str, Any] = data if isinstance(data, dict) else {}
    kind = fields.get("kind")
    if kind == "byte":
        return ByteVocabulary()
    if kind == "char":
        symbols, unknown = fields.get("symbols"), fields.get("unknown")
        if isinstance(symbols, str) and isinstance(unknown, bool) and 0 < len(symbols) <= MAX_SYMBOLS:
            vocabulary = CharVocabulary(symbols, unknown=unknown)
            if vocabulary.symbols == symbols:
                return vocabulary
        raise DataError("a char vocabulary must list its characters once each, in the order of their code points")
    if kind == "word":
        words = fields.get("words")
        if isinstance(words, list) and len(words) < MAX_SYMBOLS and all(isinstance(w, str) and w for w in words):
            return WordVocabulary(words)
        raise DataError(f"a word vocabulary must be a list of fewer than {MAX_SYMBOLS} words")
    if kind == "bpe":
        if isinstance(fields.get("tokenizer"), str):
            return BPEVocabulary(fields["tokenizer"])
        raise DataError("a bpe vocabulary must hold the text of a tokenizer")
    raise DataError(f"a vocabulary must be one of {', '.join(KINDS)}, got {str(kind)[:40]!r}")

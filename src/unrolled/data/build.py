"""Build vocabularies from text, or from the JSON data in a model file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..checks import checked
from ..errors import ArgumentError, DataError, clause, did_you_mean
from .characters import ByteVocabulary, CharacterCounts, CharVocabulary
from .subwords import BPEVocabulary
from .tokenized import TokenizedVocabulary, split
from .vocabulary import MAX_TOKENS, Vocabulary
from .words import WordVocabulary, tokens

KINDS = ("char", "byte", "word", "bpe", "tokenized")
VOCAB_SIZE = 8192  # default size of a byte-pair vocabulary


def check_options(kind: str, min_count: int, vocab_size: int) -> None:
    """Raise ArgumentError if the options of a vocabulary are invalid."""
    if kind not in KINDS:
        raise ArgumentError("vocabulary", f"one of {', '.join(KINDS)}{clause(did_you_mean(kind, KINDS))}", kind)
    if min_count < 1:
        raise ArgumentError("min_count", "at least 1", min_count)
    if kind == "bpe" and not 256 <= vocab_size <= MAX_TOKENS:
        raise ArgumentError("vocab_size", f"between 256 (the bytes) and {MAX_TOKENS}", vocab_size)


@checked
def build_vocabulary(
    kind: str, chunks: Iterable[str], *, min_count: int = 1, vocab_size: int = VOCAB_SIZE
) -> Vocabulary:
    """Build a vocabulary for the text of ``chunks``, which is streamed once.

    Words and byte pairs are tokenized chunk by chunk, so chunks should end at token boundaries (see `pieces`).

        >>> vocabulary = build_vocabulary("char", ["hello"])
        >>> vocabulary.symbols, vocabulary.encode("hole").tolist()
        ('ehlo', [1, 3, 2, 0])

    Args:
        kind: 'char', 'byte', 'word', 'bpe' or 'tokenized'.
        min_count: rarer characters or words become the unknown token.
        vocab_size: number of tokens of a byte-pair vocabulary.

    Raises:
        ArgumentError: an option is invalid.
        DataError: the text is empty.
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
        words.update(split(chunk) if kind == "tokenized" else tokens(chunk))
    return (TokenizedVocabulary if kind == "tokenized" else WordVocabulary).from_counts(words, min_count)


@checked
def vocabulary_from_json(data: object) -> Vocabulary:
    """Return the vocabulary described by `Vocabulary.to_json`. The data are validated, as they may be untrusted.

    Raises:
        DataError: the data do not describe a vocabulary.
    """
    fields: dict[str, Any] = data if isinstance(data, dict) else {}
    kind = fields.get("kind")
    if kind == "byte":
        return ByteVocabulary()
    if kind == "char":
        symbols, unknown = fields.get("symbols"), fields.get("unknown")
        if isinstance(symbols, str) and isinstance(unknown, bool) and 0 < len(symbols) <= MAX_TOKENS:
            vocabulary = CharVocabulary(symbols, unknown=unknown)
            if vocabulary.symbols == symbols:
                return vocabulary
        raise DataError("a char vocabulary must list its characters once each, in the order of their code points")
    if kind in ("word", "tokenized"):
        words = fields.get("words")
        if isinstance(words, list) and len(words) < MAX_TOKENS and all(isinstance(w, str) and w for w in words):
            return TokenizedVocabulary(words) if kind == "tokenized" else WordVocabulary(words)
        raise DataError(f"a word vocabulary must be a list of fewer than {MAX_TOKENS} words")
    if kind == "bpe":
        if isinstance(fields.get("tokenizer"), str):
            return BPEVocabulary(fields["tokenizer"])
        raise DataError("a bpe vocabulary must hold the text of a tokenizer")
    raise DataError(f"a vocabulary must be one of {', '.join(KINDS)}, got {str(kind)[:40]!r}")

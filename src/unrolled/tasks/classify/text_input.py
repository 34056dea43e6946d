"""Tokenization and embedding of texts for tasks such as classification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import check_rate, check_size
from ...data import CharVocabulary, StreamingDecoder, Vocabulary, WordVocabulary, build_vocabulary
from ...data.tokens import tokenize
from ...data.vectors import matrix, read_vectors, train_vectors
from ...data.vocabulary import Ids
from ...data.words import tokens
from ...errors import ArgumentError, did_you_mean
from ...training.config import refuse_changed

LEARNED, ONE_HOT, WORD2VEC = "learned", "one-hot", "word2vec"


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Tokenization and embedding of the texts."""

    vocabulary: Literal["word", "char", "byte", "bpe", "spaced"] = "word"
    """words, characters, bytes, subwords, or spaced: words as a language model's"""
    min_count: int = 1
    """words or characters seen less often become the unknown token"""
    vocab_size: int = 8192
    """size of a byte-pair vocabulary"""
    lowercase: bool = True
    """convert texts to lower case"""
    max_length: int = 400
    """maximum tokens per text in training; predictions read whole texts"""
    embeddings: str = LEARNED
    """learned, one-hot, word2vec (trained on the texts), or a GloVe or word2vec file"""
    embedding_size: int | None = None
    """embedding width (default: 100, or that of the file)"""
    freeze_embeddings: bool = False
    """do not fine-tune pretrained embeddings (word2vec or a file)"""
    word2vec: Literal["skip-gram", "cbow"] = "skip-gram"
    """word2vec algorithm: skip-gram (context from word) or cbow (word from context)"""
    embedding_dropout: float = 0.3
    """dropout on the embedding"""
    word_dropout: float = 0.0
    """probability of replacing a token with the unknown token in training"""

    def __post_init__(self) -> None:
        for name in ("min_count", "vocab_size", "max_length"):
            check_size(name, getattr(self, name))
        if self.embedding_size is not None:
            check_size("embedding_size", self.embedding_size)
        for name in ("embedding_dropout", "word_dropout"):
            check_rate(name, getattr(self, name))
        embeddings = f"with --embeddings {self.embeddings}, which does not use it"
        symbols = f"with --vocabulary {self.vocabulary}, which does not use it"
        if self.embeddings in (LEARNED, ONE_HOT):
            refuse_changed(self, ("freeze_embeddings",), embeddings)
        if self.embeddings == ONE_HOT:
            refuse_changed(self, ("embedding_size", "embedding_dropout"), embeddings)
        if self.embeddings != WORD2VEC:
            refuse_changed(self, ("word2vec",), embeddings)
        if self.vocabulary != "bpe":
            refuse_changed(self, ("vocab_size",), symbols)
        if self.vocabulary in ("byte", "bpe"):
            refuse_changed(self, ("min_count",), symbols)
        if self.embeddings not in (LEARNED, ONE_HOT) and self.vocabulary != "word":
            raise ArgumentError("embeddings", f"{LEARNED} or {ONE_HOT} unless vocabulary is word", self.embeddings)


class Tokenizer:
    """Text → token ids, and the pieces of the text that the tokens stand for.

    Args:
        vocabulary: the vocabulary.
        lowercase: convert texts to lower case.
        spaced: words include the space before them, as in `data.words`; otherwise they are those of `data.tokens`.
    """

    def __init__(self, vocabulary: Vocabulary, lowercase: bool, spaced: bool = False) -> None:
        self.vocabulary, self.lowercase, self.spaced = vocabulary, lowercase, spaced

    @classmethod
    def build(cls, texts: Iterable[str], options: TextOptions) -> Tokenizer:
        """Build the vocabulary of ``texts``; for words and characters it has an unknown token."""
        kind = options.vocabulary
        if kind == "word":
            counts = Counter(t.text for text in texts for t in tokenize(text, lowercase=options.lowercase))
            return cls(WordVocabulary.from_counts(counts, options.min_count), options.lowercase)
        lower = (_lower(text) if options.lowercase else text for text in texts)
        if kind == "spaced":
            spaced = Counter(token for text in lower for token in tokens(text))
            return cls(WordVocabulary.from_counts(spaced, options.min_count), options.lowercase, spaced=True)
        if kind == "char":
            characters = Counter(c for text in lower for c in text)
            frequent = (c for c, n in characters.items() if n >= options.min_count and not "\ud800" <= c <= "\udfff")
            return cls(CharVocabulary("".join(frequent), unknown=True), options.lowercase)
        return cls(build_vocabulary(kind, lower, vocab_size=options.vocab_size), options.lowercase)

    def encode(self, text: str) -> Ids:
        """Return the ids ``(N,)``; a text without tokens is encoded as one unknown token."""
        if isinstance(self.vocabulary, WordVocabulary) and not self.spaced:
            ids = self.vocabulary.look_up(t.text for t in tokenize(text, lowercase=self.lowercase))
        else:
            ids = self.vocabulary.encode(_lower(text) if self.lowercase else text)
        return ids if len(ids) else np.zeros(1, dtype=ids.dtype)

    def known(self, ids: Ids) -> Ids:
        """Return ids without those of unknown tokens; one unknown token if all are."""
        kept = ids if self.vocabulary.unknown is None else ids[ids != self.vocabulary.unknown]
        return kept if len(kept) else np.zeros(1, dtype=ids.dtype)

    def unknown(self, text: str) -> tuple[int, int] | None:
        """Return the number of unknown tokens and of all tokens; `None` if every token is known."""
        if self.vocabulary.unknown is None:
            return None
        ids = self.encode(text)
        return int((ids == self.vocabulary.unknown).sum()), len(ids)

    def pieces(self, text: str) -> list[tuple[str, int | None]]:
        """Split the text into pieces, each with the index of its token; `None` for text between two tokens."""
        pieces: list[tuple[str, int | None]] = []
        if self.spaced:
            return [(token, number) for number, token in enumerate(tokens(text))]
        if isinstance(self.vocabulary, WordVocabulary):
            at = 0
            for number, token in enumerate(tokenize(text)):
                if token.begin > at:
                    pieces.append((text[at : token.begin], None))
                pieces.append((text[token.begin : token.end], number))
                at = token.end
            return [*pieces, (text[at:], None)] if at < len(text) else pieces
        if self.vocabulary.one_per_character:
            return [(c, number) for number, c in enumerate(text)]
        decoder, at = StreamingDecoder(self.vocabulary), 0
        for number, id in enumerate(self.encode(text)):
            length = len(decoder.feed(int(id)))
            pieces.append((text[at : at + length], number))
            at += length
        return pieces


def _lower(text: str) -> str:
    """Convert to lower case where that keeps the number of characters, so that positions do not change."""
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def initial_vectors(
    reader: Tokenizer, texts: Iterable[str], options: TextOptions, seed: int
) -> tuple[Tensor | None, str]:
    """Return pretrained embeddings ``(V, E)``, or `None` for those without pretraining, and a note.

    Raises:
        ArgumentError: the file does not exist, or its width differs from ``embedding_size``.
        DataError: the file of vectors is damaged.
    """
    if options.embeddings in (LEARNED, ONE_HOT):
        return None, ""
    assert isinstance(reader.vocabulary, WordVocabulary)
    words = reader.vocabulary.words
    if options.embeddings == WORD2VEC:
        size = options.embedding_size or 100
        sentences = [[t.text for t in tokenize(text, lowercase=reader.lowercase)] for text in texts]
        vectors = train_vectors(sentences, size, algorithm=options.word2vec, seed=seed)
        note = f"word2vec ({options.word2vec}) on {sum(map(len, sentences)):,} words of the training texts"
    else:
        path, names = Path(options.embeddings).expanduser(), (LEARNED, ONE_HOT, WORD2VEC)
        if not path.is_file():  # checked in training only: a trained model does not need the file
            near = did_you_mean(options.embeddings, names)
            raise ArgumentError("embeddings", f"{', '.join(names)} or a file of vectors", options.embeddings, near)
        vectors, size = read_vectors(path, words)
        if options.embedding_size not in (None, size):
            raise ArgumentError("embedding_size", f"omitted, or {size} as in the file", options.embedding_size)
        note = f"{options.embeddings} has vectors of width {size} for {len(vectors):,} of the {len(words):,} words"
    return torch.from_numpy(matrix(words, vectors, size, np.random.default_rng(seed))), note


class Embedding(nn.Module):
    """``ids (T, B) → (T, B, E)``; with one-hot embeddings the output is the ids ``(T, B)``, which the layers accept.

    Args:
        symbols: V, the vocabulary size.
        options: see `TextOptions`.
        vectors: initial weights ``(V, E)``.
        size: E of a saved model.
    """

    def __init__(
        self, symbols: int, options: TextOptions, vectors: Tensor | None = None, size: int | None = None
    ) -> None:
        super().__init__()
        self.symbols, self.rate = symbols, options.word_dropout
        self.unknown = 0
        self.drop = nn.Dropout(options.embedding_dropout)
        self.table: nn.Embedding | None = None
        self.size = symbols
        if options.embeddings != ONE_HOT:
            self.size = vectors.size(1) if vectors is not None else size or options.embedding_size or 100
            self.table = nn.Embedding(symbols, self.size)
            with torch.no_grad():
                if vectors is not None:
                    self.table.weight.copy_(vectors)
                else:
                    self.table.weight.normal_(0, 0.1)
            self.table.weight.requires_grad_(not options.freeze_embeddings)

    def forward(self, ids: Tensor) -> Tensor:
        if self.training and self.rate:
            ids = ids.masked_fill(torch.rand(ids.shape, device=ids.device) < self.rate, self.unknown)
        if self.table is None:
            return ids
        return self.drop(self.table(ids))

    def vectors(self, ids: Tensor) -> Tensor:
        """Return vectors ``(T, B, E)`` for one-hot embeddings, too, to differentiate with respect to them."""
        return F.one_hot(ids, self.symbols).float() if self.table is None else self.table(ids)

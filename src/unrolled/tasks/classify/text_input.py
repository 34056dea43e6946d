"""How tasks that answer questions about texts read them: symbols, and what stands for each symbol inside the model."""

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
from ...errors import ArgumentError, did_you_mean
from ...training.config import refuse_changed

LEARNED, ONE_HOT, WORD2VEC = "learned", "one-hot", "word2vec"


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How texts are read."""

    vocabulary: Literal["word", "char", "byte", "bpe"] = "word"
    """symbols: words, characters, bytes or byte pairs (subwords)"""
    min_count: int = 1
    """words or characters seen less often become the unknown symbol"""
    vocab_size: int = 8192
    """size of a byte-pair vocabulary"""
    lowercase: bool = True
    """read capitals as small letters"""
    max_length: int = 400
    """symbols of a text that training reads at most, from its beginning; predictions read all"""
    embeddings: str = LEARNED
    """learned, one-hot, word2vec (trained on the training texts first), or a file of GloVe or word2vec vectors"""
    embedding_size: int | None = None
    """width of the embedding (default: 100, or that of the file)"""
    freeze_embeddings: bool = False
    """leave word2vec's or the file's vectors as they are"""
    word2vec: Literal["skip-gram", "cbow"] = "skip-gram"
    """how word2vec learns: the words around from the word, or the word from those around it"""
    embedding_dropout: float = 0.3
    """dropout on the embedding"""
    word_dropout: float = 0.0
    """probability that training reads a symbol as unknown"""

    def __post_init__(self) -> None:
        for name in ("min_count", "vocab_size", "max_length"):
            check_size(name, getattr(self, name))
        if self.embedding_size is not None:
            check_size("embedding_size", self.embedding_size)
        for name in ("embedding_dropout", "word_dropout"):
            check_rate(name, getattr(self, name))
        embeddings = f"with --embeddings {self.embeddings}, which has no use for it"
        symbols = f"with --vocabulary {self.vocabulary}, which has no use for it"
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
    """Text → ids, and back to where each symbol stood."""

    def __init__(self, vocabulary: Vocabulary, lowercase: bool) -> None:
        self.vocabulary, self.lowercase = vocabulary, lowercase

    @classmethod
    def build(cls, texts: Iterable[str], options: TextOptions) -> Tokenizer:
        """The symbols of ``texts``; for words and characters there is one for all others."""
        kind = options.vocabulary
        if kind == "word":
            counts = Counter(t.text for text in texts for t in tokenize(text, lowercase=options.lowercase))
            return cls(WordVocabulary.from_counts(counts, options.min_count), options.lowercase)
        lower = (_lower(text) if options.lowercase else text for text in texts)
        if kind == "char":
            characters = Counter(c for text in lower for c in text)
            kept = (c for c, n in characters.items() if n >= options.min_count and not "\ud800" <= c <= "\udfff")
            return cls(CharVocabulary("".join(kept), unknown=True), options.lowercase)
        return cls(build_vocabulary(kind, lower, vocab_size=options.vocab_size), options.lowercase)

    def encode(self, text: str) -> Ids:
        """The ids ``(N,)``; of a text without any symbol, the one for the unknown."""
        if isinstance(self.vocabulary, WordVocabulary):
            ids = self.vocabulary.look_up(t.text for t in tokenize(text, lowercase=self.lowercase))
        else:
            ids = self.vocabulary.encode(_lower(text) if self.lowercase else text)
        return ids if len(ids) else np.zeros(1, dtype=ids.dtype)

    def pieces(self, text: str) -> list[tuple[str, int | None]]:
        """The text in stretches that joined are the text, each with the number of its symbol (`None`: between two)."""
        found: list[tuple[str, int | None]] = []
        if isinstance(self.vocabulary, WordVocabulary):
            at = 0
            for number, token in enumerate(tokenize(text)):
                if token.begin > at:
                    found.append((text[at : token.begin], None))
                found.append((text[token.begin : token.end], number))
                at = token.end
            return [*found, (text[at:], None)] if at < len(text) else found
        if self.vocabulary.one_per_character:
            return [(c, number) for number, c in enumerate(text)]
        decoder, at = StreamingDecoder(self.vocabulary), 0
        for number, id in enumerate(self.encode(text)):
            length = len(decoder.feed(int(id)))
            found.append((text[at : at + length], number))
            at += length
        return found


def _lower(text: str) -> str:
    """Small letters, one for each character, so that places in the text stay what they were."""
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def initial_vectors(
    reader: Tokenizer, texts: Iterable[str], options: TextOptions, seed: int
) -> tuple[Tensor | None, str]:
    """``(V, E)`` that the embedding starts from, if it starts from something, and a note.

    Raises:
        DataError: the file of vectors is damaged.
        ArgumentError: its width is not the one asked for.
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
        path, known = Path(options.embeddings).expanduser(), (LEARNED, ONE_HOT, WORD2VEC)
        if not path.is_file():  # asked only now: a trained model needs the file no more
            near = did_you_mean(options.embeddings, known)
            raise ArgumentError("embeddings", f"{', '.join(known)} or a file of vectors", options.embeddings, near)
        vectors, size = read_vectors(path, words)
        if options.embedding_size not in (None, size):
            raise ArgumentError("embedding_size", f"left out, or {size} as in the file", options.embedding_size)
        note = f"{options.embeddings} has vectors of {size} numbers for {len(vectors):,} of the {len(words):,} words"
    return torch.from_numpy(matrix(words, vectors, size, np.random.default_rng(seed))), note


class Embedding(nn.Module):
    """``ids (T, B) → (T, B, E)``; symbols stay symbols (T, B) where they are one-hot and nothing need be dropped.

    Args:
        symbols: V.
        options: see `TextOptions`.
        vectors: ``(V, E)`` to start from.
        size: E, where a model is read from a file.
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
        """``(T, B, E)``, of one-hot symbols too: what a gradient can be taken by."""
        return F.one_hot(ids, self.symbols).float() if self.table is None else self.table(ids)

"""The options of the task ``tag``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_size
from ...data.columns import Columns
from ...data.folds import check_folds
from ...data.tagged import Source, Tagged
from ...data.tags import Scheme
from ...errors import ArgumentError
from ...training.config import formerly, since
from ...training.options import Training
from ...training.start_options import StartClasses
from ..common.recurrent import Recurrent

OF_FILES = ("token_column", "tag_column", "scheme", "repair", "encoding", "errors")
"""The options of the file format."""


@dataclass(frozen=True, kw_only=True)
class TaggedText:
    """The tagged sentences and the format of their files."""

    data: str = "generated"
    """tagged text: a file with a word and its tag per line, or a named data set"""
    valid: str | None = None
    """validation set, for model selection (default: a part of --data)"""
    test: str | None = None
    """test set (default: a part of --data)"""
    token_column: int = 0
    """column of the words, counted from 0; negative numbers count from the end"""
    tag_column: int = -1
    """column of the tags"""
    scheme: Literal["auto", "iob1", "bio", "iobes", "plain"] = "auto"
    """tagging scheme of the file; plain: independent tags, such as parts of speech"""
    repair: bool = False
    """accept tags that violate the scheme and read them as the CoNLL script does"""
    encoding: str = formerly("auto", "utf-8")
    """encoding of the files (auto: UTF-8, or Windows-1252 if they look like it)"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """handling of bytes that cannot be decoded"""
    fractions: tuple[float, float, float] | None = None
    """fractions of training, validation and test set, by document or sentence (default: 0.8 0.1 0.1)"""
    folds: int = 0
    """number of folds for cross-validation, instead of --fractions; 0: off"""
    fold: int | None = None
    """train only on this fold, counted from 0 (default: every fold)"""
    group_duplicates: bool = since(True, before=False)
    """with --folds: equal sentences are in the same fold, unless it has documents"""
    lowercase: bool = False
    """ignore case in word embeddings; character embeddings keep it"""
    min_count: int = 1
    """words seen less often become the unknown word"""
    max_words: int = 200
    """maximum words per sequence; longer sentences are split"""

    def __post_init__(self) -> None:
        check_size("min_count", self.min_count)
        check_size("max_words", self.max_words)
        check_folds(self.folds, self.fold, self.test)
        parts = self.fractions
        if parts is not None and not (min(parts) >= 0 and parts[0] > 0 and abs(sum(parts) - 1) <= 1e-6):
            raise ArgumentError("fractions", "three fractions of at least 0 that sum to 1, the first above 0", parts)

    def read(self) -> Tagged:
        """Read the training, validation and test sets."""
        return self.source().read()

    def source(self) -> Source:
        """Return the source of the sentences."""
        scheme: Scheme | None = None if self.scheme == "auto" else self.scheme
        return Source(
            self.data,
            self.valid,
            self.test,
            Columns(self.token_column, self.tag_column, self.encoding, self.errors),
            scheme,
            self.repair,
            self.fractions,
            self.folds,
            self.fold or 0,
            self.group_duplicates,
        )


@dataclass(frozen=True, kw_only=True)
class Words:
    """The embeddings of words and characters, and the output layer."""

    bidirectional: bool = True
    """bidirectional layers; without them a tag ignores the following words"""
    embedding_size: int = 100
    """width of the word embedding"""
    word_dropout: float = 1.0
    """word dropout w: a word seen c times becomes unknown with probability w/(w + c)"""
    characters: Literal["none", "recurrent", "convolution"] = "convolution"
    """character encoder: a bidirectional recurrent layer, or a convolution of width 3"""
    character_size: int = 50
    """output width of the character encoder"""
    letter_size: int = 25
    """width of the character embedding"""
    crf: bool = True
    """predict the tags of a sentence jointly with a conditional random field (CRF)"""
    tagging: Literal["bio", "iobes"] = "bio"
    """tagging scheme of the model"""

    def __post_init__(self) -> None:
        for name in ("embedding_size", "character_size", "letter_size"):
            check_size(name, getattr(self, name))
        if not 0 <= self.word_dropout < float("inf"):
            raise ArgumentError("word_dropout", "a number of at least 0", self.word_dropout)
        if self.characters == "recurrent" and self.character_size % 2:
            raise ArgumentError("character_size", "even, with half for each direction", self.character_size)


@dataclass(frozen=True, kw_only=True)
class TagConfig:
    """Configuration of a tagger and its training."""

    data: TaggedText = field(default_factory=TaggedText)
    words: Words = field(default_factory=Words)
    model: Recurrent = field(default_factory=lambda: Recurrent(hidden_size=128, num_layers=1, dropout=0.5))
    training: Training = field(
        default_factory=lambda: Training(epochs=6, min_steps=600, batch_size=32, lr=5e-3, patience=4)
    )
    start: StartClasses = field(default_factory=StartClasses)

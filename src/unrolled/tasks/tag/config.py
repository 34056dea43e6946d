"""The options of the task ``tag``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_size
from ...data.columns import Columns
from ...data.tagged import Source
from ...data.tags import Scheme
from ...errors import ArgumentError
from ...training.options import Training
from ..common.recurrent import Recurrent

OF_FILES = ("token_column", "tag_column", "scheme", "repair", "encoding", "errors")
"""the options that say how a file is read"""


@dataclass(frozen=True, kw_only=True)
class TaggedText:
    """Which sentences, and how their file is written."""

    data: str = "generated"
    """tagged text: a file with a word and its tag on each line, or a named set: generated, wnut17, wikigold"""
    valid: str | None = None
    """another such file, by which is decided which model is kept (default: a part of --data)"""
    test: str | None = None
    """another such file, on which the model is reported (default: a part of --data)"""
    token_column: int = 0
    """the column of words, counted from 0, or with negative numbers from the end"""
    tag_column: int = -1
    """the column of tags"""
    scheme: Literal["auto", "iob1", "bio", "iobes", "plain"] = "auto"
    """how the file spells entities; plain: its tags are no entities (parts of speech, say)"""
    repair: bool = False
    """read tags that break their scheme as the CoNLL script does, instead of refusing them"""
    encoding: str = "utf-8"
    """encoding of the files"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """what to do with bytes that are no text in that encoding"""
    fractions: tuple[float, float, float] | None = None
    """training, validation and test parts of the sentences, or of whole documents if there are ten (default: 0.8 0.1
    0.1; generated sentences have parts of their own)"""
    folds: int = 0
    """cut the sentences into so many parts instead, and test on one of them; 0: don't"""
    fold: int = 0
    """which of them, counted from 0"""
    lowercase: bool = False
    """look words up without their case (their letters keep it)"""
    min_count: int = 1
    """words seen less often are unknown"""
    max_words: int = 200
    """longer sentences are read in stretches of so many words"""

    def __post_init__(self) -> None:
        check_size("min_count", self.min_count)
        check_size("max_words", self.max_words)
        check_size("folds", self.folds, least=0)
        check_size("fold", self.fold, least=0)
        parts = self.fractions
        if parts is not None and not (min(parts) >= 0 and parts[0] > 0 and abs(sum(parts) - 1) <= 1e-6):
            raise ArgumentError("fractions", "three parts of at least 0 that add up to 1, the first above 0", parts)
        if self.folds == 1 or (self.fold >= self.folds > 0) or (self.fold and not self.folds):
            raise ArgumentError("fold", "below folds, of which there are none or at least 2", self.fold)
        if self.folds and self.test is not None:
            raise ArgumentError("test", "left out with folds, which say what is tested on", self.test)

    def source(self) -> Source:
        """Where the sentences come from."""
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
            self.fold,
        )


@dataclass(frozen=True, kw_only=True)
class Words:
    """How words are read, and how tags are chosen."""

    bidirectional: bool = True
    """read each sentence from both ends; without it a word's tag is chosen before what follows is known"""
    embedding_size: int = 100
    """width of a word's embedding"""
    word_dropout: float = 1.0
    """in training a word seen c times is taken for unknown with probability word_dropout / (word_dropout + c)"""
    characters: Literal["none", "recurrent", "convolution"] = "convolution"
    """read each word's letters too: with a bidirectional layer, or with a convolution of width 3"""
    character_size: int = 50
    """width of what is read from a word's letters"""
    letter_size: int = 25
    """width of a letter's embedding"""
    crf: bool = True
    """choose the tags of a sentence together (conditional random field) instead of each for itself"""
    tagging: Literal["bio", "iobes"] = "bio"
    """how the model spells entities"""

    def __post_init__(self) -> None:
        for name in ("embedding_size", "character_size", "letter_size"):
            check_size(name, getattr(self, name))
        if not 0 <= self.word_dropout < float("inf"):
            raise ArgumentError("word_dropout", "a number of at least 0", self.word_dropout)
        if self.characters == "recurrent" and self.character_size % 2:
            raise ArgumentError("character_size", "even: half of it for each direction", self.character_size)


@dataclass(frozen=True, kw_only=True)
class TagConfig:
    """Everything about a tagger and its training."""

    data: TaggedText = field(default_factory=TaggedText)
    words: Words = field(default_factory=Words)
    model: Recurrent = field(default_factory=lambda: Recurrent(hidden_size=128, num_layers=1, dropout=0.5))
    training: Training = field(default_factory=lambda: Training(epochs=6, batch_size=32, lr=5e-3))

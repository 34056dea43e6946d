"""The options of the task ``translate``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_size
from ...data.bitext import BitextLayout, Form
from ...data.bitext_sets import GENERATED, BitextSets, bitext_names, open_bitext
from ...data.dialect import check_delimiter
from ...errors import ArgumentError
from ...training.config import refuse_changed
from ...training.options import Training
from ..common.recurrent import Recurrent
from .model import EncoderDecoder
from .units import Units
from .writing import Decoding

OF_PAIRS = ("target", "fractions")
OF_LAYOUT = ("form", "source_column", "target_column", "header", "delimiter", "encoding", "errors")


@dataclass(frozen=True, kw_only=True)
class Bitext:
    """Which sentences, and how their files are written."""

    data: str = "dates"
    """sentences of the source: a file with one on each line, or both sides in a file of TSV, CSV, JSON or JSON Lines;
    or a named set: dates, reversal, numbers, multi30k-de-en, multi30k-en-de, multi30k-fr-en, multi30k-en-fr. Any file
    may be .gz"""
    target: str | None = None
    """the same sentences in the other language, line for line"""
    valid: str | None = None
    """sentences by which is decided which model is kept, in the same form (default: a part of --data)"""
    valid_target: str | None = None
    """their translations"""
    test: str | None = None
    """sentences that the model is reported on (default: a part of --data)"""
    test_target: str | None = None
    """their translations"""
    form: Form = "auto"
    """how the file is written (default: as its name tells)"""
    source_column: str | None = None
    """name, key or number of the source's column (default: the first)"""
    target_column: str | None = None
    """that of the target (default: the second)"""
    header: bool | None = None
    """whether the first row names the columns"""
    delimiter: str = "auto"
    """what separates columns: one character, or tab (default: look)"""
    encoding: str = "utf-8"
    """encoding of the files"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """what to do with bytes that are no text in that encoding"""
    fractions: tuple[float, float, float] | None = None
    """training, validation and test parts of the sentences (default: 0.9 0.05 0.05); 0 for one that --valid or --test
    gives"""
    max_words: int = 80
    """pairs with a longer side are left out"""
    max_ratio: float = 4.0
    """pairs with a side so many times as long as the other are left out"""

    def __post_init__(self) -> None:
        check_size("max_words", self.max_words)
        check_delimiter(self.delimiter)
        if not 1 <= self.max_ratio < math.inf:
            raise ArgumentError("max_ratio", "a number of at least 1", self.max_ratio)
        if self.data in bitext_names():
            others = self.valid is not None or self.test is not None  # files, for which the layout is
            foreign = OF_PAIRS if others else (*OF_PAIRS, *OF_LAYOUT)
            refuse_changed(self, foreign, f"with --data {self.data}, which has no use for it")

    def layout(self) -> BitextLayout:
        """How the files are written."""
        return BitextLayout(**{name: getattr(self, name) for name in OF_LAYOUT})

    def read(self) -> BitextSets:
        """The three sets."""
        return open_bitext(
            self.data,
            self.target,
            self.layout(),
            self.fractions,
            valid=self.valid,
            valid_target=self.valid_target,
            test=self.test,
            test_target=self.test_target,
            max_length=self.max_words,
            max_ratio=self.max_ratio,
        )


@dataclass(frozen=True, kw_only=True)
class TranslateConfig:
    """Everything about a translator and its training."""

    data: Bitext = field(default_factory=Bitext)
    units: Units = field(default_factory=Units)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="gru", num_layers=1, dropout=0.2))
    translator: EncoderDecoder = field(default_factory=EncoderDecoder)
    decoding: Decoding = field(default_factory=Decoding)
    training: Training = field(default_factory=lambda: Training(batch_size=64, lr=2e-3))

    def __post_init__(self) -> None:
        refuse_changed(self.model, ["dilation"], "with translate, whose decoder begins at the encoder's last state")
        refuse_changed(self.model, ["feedforward_size"], "with translate, whose decoder's first layer feeds itself")
        self.units.check(self.vocabulary)
        if self.decoding.coverage_penalty and self.translator.attention == "none":
            raise ArgumentError("coverage_penalty", "left out without attention", self.decoding.coverage_penalty)

    @property
    def vocabulary(self) -> str:
        """The kind of symbols."""
        if self.units.vocabulary != "auto":
            return self.units.vocabulary
        return "char" if self.data.data in GENERATED else "bpe"

"""The options of the task ``translate``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_size
from ...data.bitext import BitextLayout, Form
from ...data.bitext_sets import GENERATED, SUMMARIES, BitextSets, bitext_names, open_bitext
from ...data.dialect import check_delimiter
from ...errors import ArgumentError
from ...training.config import formerly, refuse_changed, since
from ...training.options import Training
from ...training.start_options import Start
from ..common.recurrent import Recurrent
from .decoding import Decoding
from .model import EncoderDecoder
from .units import Units

OF_PAIRS = ("target", "fractions")
OF_LAYOUT = ("form", "source_column", "target_column", "header", "delimiter", "encoding", "errors")


@dataclass(frozen=True, kw_only=True)
class Bitext:
    """The sentence pairs and the format of their files."""

    data: str = "dates"
    """sources, one per line, or both sides in a table; or a named data set"""
    target: str | None = None
    """target sentences, one per line, if they are in a separate file"""
    valid: str | None = None
    """validation set, for model selection, in the same format (default: a part of --data)"""
    valid_target: str | None = None
    """target sentences of --valid"""
    test: str | None = None
    """test set in the same format (default: a part of --data)"""
    test_target: str | None = None
    """target sentences of --test"""
    form: Form = "auto"
    """file format (default: from the file name)"""
    source_column: str | None = None
    """name, key or number of the source column (default: the first)"""
    target_column: str | None = None
    """name, key or number of the target column (default: the second)"""
    header: bool | None = None
    """the first row contains the column names"""
    delimiter: str = "auto"
    """column separator: one character, or tab (default: detect)"""
    encoding: str = formerly("auto", "utf-8")
    """encoding of the files (auto: UTF-8, or Windows-1252 if they look like it)"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """handling of bytes that cannot be decoded"""
    fractions: tuple[float, float, float] | None = None
    """fractions of training, validation and test set (default: 0.9 0.05 0.05)"""
    max_words: int = 80
    """exclude pairs with more words on either side"""
    max_ratio: float | None = None
    """exclude pairs with a larger ratio of lengths (default: 4; summaries: any)"""
    summary: bool | None = since(None, before=False)
    """targets are summaries, scored by ROUGE (default: if their column says so)"""

    def __post_init__(self) -> None:
        check_size("max_words", self.max_words)
        check_delimiter(self.delimiter)
        if self.max_ratio is not None and not 1 <= self.max_ratio < math.inf:
            raise ArgumentError("max_ratio", "a number of at least 1", self.max_ratio)
        if self.data in bitext_names():
            files = self.valid is not None or self.test is not None  # the layout applies to them
            unused = OF_PAIRS if files else (*OF_PAIRS, *OF_LAYOUT)
            refuse_changed(self, unused, f"with --data {self.data}, which does not use it")

    def layout(self) -> BitextLayout:
        """Return the options of the file format."""
        return BitextLayout(**{name: getattr(self, name) for name in OF_LAYOUT})

    def read(self) -> BitextSets:
        """Read the training, validation and test sets."""
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
            summary=self.summary,
        )


@dataclass(frozen=True, kw_only=True)
class TranslateConfig:
    """Configuration of a translator and its training."""

    data: Bitext = field(default_factory=Bitext)
    units: Units = field(default_factory=Units)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="gru", num_layers=1, dropout=0.2))
    translator: EncoderDecoder = field(default_factory=EncoderDecoder)
    decoding: Decoding = field(default_factory=Decoding)
    training: Training = field(default_factory=lambda: Training(time="5m", batch_size=64, lr=2e-3))
    start: Start = field(default_factory=Start)

    def __post_init__(self) -> None:
        refuse_changed(self.model, ["dilation"], "with translate, whose decoder starts from the encoder's last state")
        refuse_changed(
            self.model, ["feedforward_size"], "with translate, whose decoder feeds its output back into its first layer"
        )
        self.units.check(self.vocabulary)
        if self.decoding.coverage_penalty and self.translator.attention == "none":
            raise ArgumentError("coverage_penalty", "omitted without attention", self.decoding.coverage_penalty)

    @property
    def vocabulary(self) -> str:
        """The kind of vocabulary."""
        if self.units.vocabulary != "auto":
            return self.units.vocabulary
        if self.data.data == SUMMARIES:
            return "word"
        return "char" if self.data.data in GENERATED else "bpe"

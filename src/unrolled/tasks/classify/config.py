"""The options of the task ``classify``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_rate, check_size
from ...data.dialect import check_delimiter
from ...data.labelled import Form, Layout
from ...data.labelled_sets import LabelledSets, open_labelled
from ...errors import ArgumentError
from ...layers.pooling import Kind
from ...training.config import refuse_changed
from ...training.options import Training
from ..common.recurrent import Recurrent
from .text_input import TextOptions

OF_FILES = ("form", "text_column", "label_column", "header", "delimiter", "encoding", "errors")
"""the options that say how a file is read"""


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """Which texts, and where their labels stand."""

    data: str = "generated"
    """labelled texts: a file of CSV, TSV, JSON or JSON Lines, or of "label text" lines, a folder with a folder per
    class, or a named set: generated, sst2, trec, spooky"""
    test: str | None = None
    """texts to report on, in the same form (default: a part of --data)"""
    form: Form = "auto"
    """how the file is written (default: as its name tells; lines is "label text")"""
    text_column: str | None = None
    """name of the column (or key) with the text; its number with --no-header"""
    label_column: str | None = None
    """name of the column with the label"""
    header: bool = True
    """whether the first row names the columns"""
    delimiter: str = "auto"
    """what separates columns: one character, or tab (default: look)"""
    encoding: str = "utf-8"
    """encoding of the files"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """what to do with bytes that are no text in that encoding"""
    fractions: tuple[float, float, float] | None = None
    """training, validation and test parts of the texts, at random (default: 0.8 0.1 0.1)"""

    def __post_init__(self) -> None:
        parts = self.fractions
        check_delimiter(self.delimiter)
        if parts is not None and not (min(parts) >= 0 and parts[0] > 0 and abs(sum(parts) - 1) <= 1e-6):
            raise ArgumentError("fractions", "three parts of at least 0 that add up to 1", parts)

    def layout(self) -> Layout:
        """How the file is written."""
        return Layout(
            form=self.form,
            text_column=self.text_column,
            label_column=self.label_column,
            header=self.header,
            delimiter=self.delimiter,
            encoding=self.encoding,
            errors=self.errors,
        )

    def read(self) -> LabelledSets:
        """The three sets."""
        return open_labelled(self.data, self.layout(), self.fractions, self.test)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """From the recurrent layers to the class."""

    bidirectional: bool = True
    """read the text in both directions"""
    pooling: Kind = "max"
    """one vector a text: the last output at its end, or mean, max or attention over all"""
    ngrams: int = 0
    """also count what stands in the text, without where: runs of up to so many symbols, hashed (fastText); 0: don't"""
    ngram_buckets: int = 1 << 16
    """rows that all n-grams share"""
    ngram_size: int = 16
    """width of their embedding"""
    ngram_dropout: float = 0.3
    """probability that training leaves an n-gram out"""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: rare classes count for more, each class as much as any other"""
    label_smoothing: float = 0.0
    """share of the answer that is spread over all classes"""

    def __post_init__(self) -> None:
        for name in ("label_smoothing", "ngram_dropout"):
            check_rate(name, getattr(self, name))
        for name, least in (("ngrams", 0), ("ngram_buckets", 1), ("ngram_size", 1)):
            check_size(name, getattr(self, name), least)
        if not self.ngrams:
            refuse_changed(
                self, ("ngram_buckets", "ngram_size", "ngram_dropout"), "without --ngrams, which has no use for it"
            )


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig:
    """Everything about a classifier and its training."""

    data: LabelledText = field(default_factory=LabelledText)
    reading: TextOptions = field(default_factory=TextOptions)
    model: Recurrent = field(default_factory=lambda: Recurrent(hidden_size=128, num_layers=1, dropout=0.5))
    answer: Answer = field(default_factory=Answer)
    training: Training = field(default_factory=lambda: Training(epochs=10))

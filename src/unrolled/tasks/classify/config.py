"""The options of the task ``classify``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from ...cells import check_rate, check_size
from ...data.dialect import check_delimiter
from ...data.fasta import Case, is_fasta
from ...data.fasta_labels import has_fasta
from ...data.folds import check_folds
from ...data.generated_dna import PROMOTERS
from ...data.label_names import folded, spellings
from ...data.labelled import Examples, Form, Layout
from ...data.labelled_sets import SETS, LabelledSets, labelled_names, open_labelled, read_test
from ...data.sets import check_fractions
from ...errors import ArgumentError
from ...layers.pooling import Kind as Pooled
from ...training.config import formerly, refuse_changed, refuse_ignored, since
from ...training.options import Training
from ...training.start_options import StartClasses
from ..common.classes import ClassLoss
from ..common.description import REMEDY
from ..common.recurrent import Recurrent
from .text_input import LEARNED, ONE_HOT, TextOptions

OF_FILES = ("form", "text_column", "label_column", "header", "delimiter", "encoding", "errors", "case", "ambiguous")
"""The options of the file format."""
USED_BY_A_BAG = ("vocabulary", "min_count", "vocab_size", "lowercase", "max_length")
"""The options of tokenization."""
MOST_WIDTHS, WIDEST = 16, 100  # of the filters

Kind = Literal["recurrent", "cnn", "bag"]


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """The labelled texts and the format of their files."""

    data: str = "generated"
    """labelled texts: a file, a folder with a subfolder per class, or a named data set"""
    test: str | None = None
    """test set in the same format (default: a part of --data)"""
    form: Form = "auto"
    """file format (default: from the file name; lines: "label text")"""
    text_column: str | None = None
    """column (or key) of the text; its number with --no-header"""
    label_column: str | None = None
    """column (or key) of the label; in FASTA, key or number of a field of the headers"""
    header: bool = True
    """the first row contains the column names"""
    delimiter: str = "auto"
    """column separator: one character, or tab (default: detect)"""
    encoding: str = formerly("auto", "utf-8")
    """encoding of the files (auto: UTF-8, or Windows-1252 if they look like it)"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """handling of bytes that cannot be decoded"""
    case: Case = "upper"
    """lower-case letters in FASTA (soft-masking): convert, or keep"""
    ambiguous: Literal["keep", "n"] = "keep"
    """codes of several nucleotides in FASTA, such as R and Y: keep, or read as N"""
    fractions: tuple[float, float, float] | None = None
    """random split into training, validation and test set (default: 0.8 0.1 0.1)"""
    folds: int = 0
    """number of folds for cross-validation, stratified by class; 0: off"""
    fold: int | None = None
    """train only on this fold, counted from 0 (default: every fold)"""
    fold_labels: bool = False
    """merge labels that differ only in case and white space"""
    duplicates: Literal["group", "folds", "split"] = since("folds", before="split")
    """keep texts equal but for case and white space in one part (folds: with --folds)"""

    def __post_init__(self) -> None:
        check_delimiter(self.delimiter)
        check_folds(self.folds, self.fold, self.test)
        check_fractions(self.fractions)

    def layout(self) -> Layout:
        """Return the options of the file format."""
        return Layout(
            form=self.form,
            text_column=self.text_column,
            label_column=self.label_column,
            header=self.header,
            delimiter=self.delimiter,
            encoding=self.encoding,
            errors=self.errors,
            case=self.case,
            ambiguous=self.ambiguous,
        )

    @property
    def sequences(self) -> bool:
        """Whether the texts are sequences without words."""
        if self.data in labelled_names():
            return self.data == PROMOTERS
        path = Path(self.data).expanduser()
        return self.form == "fasta" or (self.form in ("auto", "folder") and (is_fasta(path) or has_fasta(path)))

    @property
    def remedy(self) -> str:
        """What to do about texts in several parts."""
        splits = self.data not in SETS and self.duplicates != "group" and self.test is None
        return "--duplicates group keeps them in one part" if splits else REMEDY

    def read(self) -> LabelledSets:
        """Read the training, validation and test sets."""
        folds = (self.folds, self.fold or 0)
        return open_labelled(
            self.data,
            self.layout(),
            self.fractions,
            self.test,
            *folds,
            fold_labels=self.fold_labels,
            duplicates=self.duplicates,
        )

    def read_test(self, data: str, classes: Sequence[str]) -> tuple[Examples, list[str]]:
        """Read other texts to evaluate on, and notes; with ``fold_labels``, labels are spelled as in ``classes``."""
        examples, notes = read_test(data, self.layout())
        return (folded(examples, spellings(classes)) if self.fold_labels else examples), notes


@dataclass(frozen=True, kw_only=True)
class Answer(ClassLoss):
    """The classifier on top of the recurrent layers, and its loss."""

    bidirectional: bool = True
    """read the text in both directions"""
    pooling: Pooled = "max"
    """one vector per text: last, mean, max, attention, or concat (last, max, mean)"""
    ngrams: int = 0
    """add a bag of hashed n-grams up to this length (fastText); 0: off"""
    ngram_buckets: int = 1 << 16
    """rows of the n-gram embedding table"""
    ngram_size: int = 16
    """width of the n-gram embedding"""
    ngram_dropout: float = 0.3
    """dropout probability of an n-gram in training"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rate("ngram_dropout", self.ngram_dropout)
        for name, least in (("ngrams", 0), ("ngram_buckets", 1), ("ngram_size", 1)):
            check_size(name, getattr(self, name), least)
        if not self.ngrams:
            refuse_changed(self, ("ngram_buckets", "ngram_size", "ngram_dropout"), "without --ngrams")


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The kind of model."""

    kind: Kind = "recurrent"
    """recurrent; cnn: convolution (Kim 2014); bag: logistic regression on words, pairs"""
    filters: tuple[int, ...] = (3, 4, 5)
    """cnn: widths of the filters, in tokens"""
    maps: int = 100
    """cnn: filters of each width"""

    def __post_init__(self) -> None:
        check_size("maps", self.maps)
        widths = self.filters
        if not 1 <= len(widths) == len(set(widths)) <= MOST_WIDTHS or not all(1 <= h <= WIDEST for h in widths):
            expected = f"1 to {MOST_WIDTHS} different widths from 1 to {WIDEST}"
            raise ArgumentError("filters", expected, " ".join(map(str, widths)))


def _ignores(kind: str, group: str, name: str) -> bool:
    """Whether a kind of model has no use for an option."""
    if name in ("filters", "maps"):
        return kind != "cnn"
    match kind:
        case "cnn":
            used = ("dropout", "class_weights", "label_smoothing")
            return (group in ("model", "answer") and name not in used) or name in ("unfreeze", "layer_rate")
        case "bag":
            fitted = (*USED_BY_A_BAG, "class_weights", "seed", "tensorboard")
            return group in ("reading", "model", "answer", "training", "start") and name not in fitted
    return False


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig:
    """Configuration of a classifier and its training."""

    baseline: Baseline = field(default_factory=Baseline)
    data: LabelledText = field(default_factory=LabelledText)
    reading: TextOptions = field(default_factory=TextOptions)
    model: Recurrent = field(default_factory=lambda: Recurrent(hidden_size=128, num_layers=1, dropout=0.5))
    answer: Answer = field(default_factory=Answer)
    training: Training = field(default_factory=lambda: Training(epochs=10, min_steps=600, patience=4))
    start: StartClasses = field(default_factory=StartClasses)

    def __post_init__(self) -> None:
        if self.reading.vocabulary == "word" and self.reading.embeddings in (LEARNED, ONE_HOT) and self.data.sequences:
            object.__setattr__(self, "reading", replace(self.reading, vocabulary="char"))
        kind = self.baseline.kind
        refuse_ignored(self, partial(_ignores, kind), f"with --kind {kind}, which has no such option")

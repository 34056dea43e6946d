"""Classification: a text in, the class it belongs to out (many-to-one).

    unrolled train classify --data reviews.csv
    unrolled predict runs/classify-reviews-1 "not as bad as I had feared"

    x_t (B,) symbols → embedding (B, E) → recurrent layers, one or two directions (B, O)
    v = pooling of y_1 … y_L (B, O) → logits z = W v + b (B, C)
    loss = −Σ_c q_c log softmax(z)_c,  q = (1 − ε) one-hot + ε/C   (label smoothing, Szegedy et al. 2016)

Sentences of any length: outputs are read at each text's true end, and batches hold texts of like length.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import State, cell_class, check_rate, check_size
from ...data.batches import Batches, pad
from ...data.dialect import check_delimiter
from ...data.labelled import Examples, Form, Layout
from ...data.labelled_sets import LabelledSets, classes_of, labelled_names, open_labelled
from ...data.listed import Listed
from ...errors import ArgumentError
from ...layers.ngrams import NGramBag
from ...layers.pooling import Kind, Pooling
from ...results import Report
from ...training.config import refuse_changed
from ...training.metrics import ACCURACY, LOSS, Metric
from ...training.modelfile import ModelFile
from ...training.options import Training
from ...training.task import Task
from ..common.excerpts import excerpts, visible
from ..common.recurrent import Recurrent
from . import description
from .reading import LEARNED, ONE_HOT, WORD2VEC, Embedding, Reader, Reading, initial_vectors
from .trained import TrainedClassifier, measure

# T steps, B texts, E embedding width, O outputs of all directions, C classes

OF_FILES = ("form", "text_column", "label_column", "header", "delimiter", "encoding", "errors")
LISTED = 10  # classes that are named before training


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
    reading: Reading = field(default_factory=Reading)
    model: Recurrent = field(default_factory=lambda: Recurrent(hidden_size=128, num_layers=1, dropout=0.5))
    answer: Answer = field(default_factory=Answer)
    training: Training = field(default_factory=lambda: Training(epochs=10))


class Classifier(nn.Module):
    """``ids (T, B), lengths (B,)`` → logits ``(B, C)``."""

    def __init__(
        self, symbols: int, classes: int, config: ClassifyConfig, vectors: Tensor | None = None, size: int | None = None
    ) -> None:
        super().__init__()
        self.embedding = Embedding(symbols, config.reading, vectors, size)
        both = config.answer.bidirectional
        self.stack = config.model.build(self.embedding.size, bidirectional=both)
        self.pooling = Pooling(config.answer.pooling, self.stack.output_size, 1 + both)
        self.drop = nn.Dropout(config.model.dropout)
        self.head = nn.Linear(self.stack.output_size, classes)
        bag = config.answer
        self.bag: NGramBag | None = None
        if bag.ngrams:
            self.bag = NGramBag(bag.ngrams, bag.ngram_size, bag.ngram_buckets, bag.ngram_dropout)
            self.bag_head = nn.Linear(bag.ngram_size, classes, bias=False)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.answer(self.embedding(ids), ids, lengths)

    def answer(self, x: Tensor, ids: Tensor, lengths: Tensor, present: Tensor | None = None) -> Tensor:
        """Logits from texts ``(T, B)`` and their embeddings ``x (T, B, E)``; ``present``: see `NGramBag`."""
        y, _ = self.stack(x, lengths=lengths)  # (T, B, O)
        logits: Tensor = self.head(self.drop(self.pooling(y, lengths)))
        return logits if self.bag is None else logits + self.bag_head(self.bag(ids, lengths, present))


class Batch(NamedTuple):
    """Texts side by side and their classes."""

    ids: Tensor  # (T, B)
    lengths: Tensor  # (B,)
    labels: Tensor  # (B,)


class Classification(Task):
    """The task ``classify``; see the module."""

    name: ClassVar[str] = "classify"
    Config: ClassVar[type] = ClassifyConfig
    unit: ClassVar[str] = "symbols"
    use: ClassVar[dict[str, str]] = {"ask it": "predict", "measure it": "evaluate"}
    metrics = (
        LOSS,
        ACCURACY,
        Metric("macro_f1", "macro F1", larger_is_better=True),
        Metric("calibration_error", "calibration error"),
    )
    config: ClassifyConfig

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": labelled_names(), "test": (), "embeddings": (LEARNED, ONE_HOT, WORD2VEC)}

    @classmethod
    def named(cls) -> list[Listed]:
        return description.named()

    @classmethod
    def likely(cls, path: Path) -> bool:
        return description.likely(path)

    def describe(self) -> Report:
        return description.describe(self.config.data)

    def check(self) -> list[str]:
        return [*self.prepare(), *description.suspicious(self.sets)]

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        if config.data.test is None and config.data.data in labelled_names():  # it knows its own
            refuse_changed(config.data, OF_FILES, f"with --data {config.data.data}, which has no use for it")
        self.sets = config.data.read()
        train = self.sets.train
        self.classes, unlearned = classes_of(self.sets, config.data.data)
        self.reader = Reader.build(train.texts, config.reading)
        longest = config.reading.max_length
        whole = [self.reader.encode(text) for text in train.texts]
        self.ids = [ids[:longest] for ids in whole]
        numbers = {name: number for number, name in enumerate(self.classes)}
        self.labels = torch.tensor([numbers[label] for label in train.labels])
        seed = config.training.seed
        self.batches = Batches([len(ids) for ids in self.ids], config.training.batch_size, seed)
        self.vectors, told = initial_vectors(self.reader, train.texts, config.reading, seed)
        self.weights = self._class_weights()
        sizes = ", ".join(f"{len(getattr(self.sets, part)):,} {part}" for part in ("train", "valid", "test"))
        names = ", ".join(self.classes[:LISTED]) + (", …" if len(self.classes) > LISTED else "")
        notes = [
            f"{config.data.data}: {sizes} texts of {len(self.classes)} classes; "
            f"{len(self.reader.vocabulary):,} symbols ({self.reader.vocabulary.kind})",
            f"{len(self.classes)} classes: {visible(names)}",
            *self.sets.how,
            *excerpts(map(" ← ".join, zip(self.sets.first.labels, self.sets.first.texts, strict=True))),
            *self.sets.notes,
            *unlearned,
        ]
        if told:
            notes.append(told)
        if long := sum(len(ids) > longest for ids in whole):
            notes.append(f"{long:,} training texts are longer than {longest} symbols and are read up to there")
        if not len(self.sets.test):
            notes.append("no test texts: nothing is reported at the end")
        return notes

    def _class_weights(self) -> Tensor | None:
        """N / (C · N_c), which is 1 on average over the examples."""
        if self.config.answer.class_weights == "none":
            return None
        counts = torch.bincount(self.labels, minlength=len(self.classes)).clamp(min=1)
        return len(self.labels) / (len(self.classes) * counts.float())

    def build_model(self) -> nn.Module:
        return Classifier(len(self.reader.vocabulary), len(self.classes), self.config, self.vectors)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        chosen = self.batches[step]
        ids, lengths = pad([self.ids[i] for i in chosen])
        return Batch(ids, lengths, self.labels[torch.from_numpy(chosen)])

    def units(self, batch: Batch) -> float:
        return float(batch.lengths.sum())

    def carry(self, model: nn.Module) -> None:
        return None

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        device = self.config.training.device
        logits = model(batch.ids.to(device), batch.lengths.to(device))
        weights = None if self.weights is None else self.weights.to(device)
        smoothing = self.config.answer.label_smoothing
        return F.cross_entropy(logits, batch.labels.to(device), weights, label_smoothing=smoothing), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        examples: Examples = getattr(self.sets, split)
        if not len(examples):
            return {}
        return measure(self._handle(model), examples).summary()

    def preview(self, model: nn.Module) -> str:
        shown = self.sets.valid.pick(range(min(5, len(self.sets.valid))))
        handle = self._handle(model)
        lines = []
        for label, said in zip(shown.labels, handle.predict(shown.texts), strict=True):
            right = "right" if said.answer == label else f"wrong: {label}"
            lines.append(f"{said.probabilities[said.answer]:4.0%} {said.answer} ({right})  {said.text[:100]}")
        return "\n".join(lines)

    def _handle(self, model: nn.Module) -> TrainedClassifier:
        return TrainedClassifier(model, self.reader, self.classes, self.config)

    def assets(self) -> dict[str, Any]:
        return {
            "vocabulary": self.reader.vocabulary.to_json(),
            "classes": self.classes,
            "data": self.fingerprint(),
        }

    def fingerprint(self) -> str:
        return self.sets.digest()

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedClassifier:
        return TrainedClassifier.from_file(file, config, Classifier)

"""Translation: a sentence in, another one out (encoder–decoder, with attention or without).

    unrolled train translate                                        dates as people write them → 2016-11-05
    unrolled train translate --data talk.de.gz --target talk.en.gz
    unrolled predict runs/translate-talk-1 "Ein Hund läuft." --show-alignment

    loss = −(1/M) Σ log p(w_t | w_1 … w_{t-1}, source)      in nats per symbol of the M true ones, the end's included

In training the word before is the right one (teacher forcing), or from time to time the model's own guess (scheduled
sampling: Bengio et al. 2015; guessed for a whole sentence at once: Mihaylova and Martins 2019).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import State, cell_class, check_size
from ...data.batches import Batches, pad
from ...data.counter import uniform
from ...data.dialect import check_delimiter
from ...data.listed import Listed
from ...data.parallel import Pairs, ParallelLayout
from ...data.parallel_sets import GENERATED, ParallelSets, open_parallel, parallel_names
from ...errors import ArgumentError, DataError
from ...results import Report
from ...training.config import refuse_changed
from ...training.metrics import LOSS, PERPLEXITY, Metric
from ...training.modelfile import ModelFile
from ...training.options import Training
from ...training.task import Task
from ..common.excerpts import excerpts
from ..common.recurrent import Recurrent
from . import description
from .model import EncoderDecoder, Translator, inside, shifted
from .trained import TrainedTranslator, frequent
from .units import END, Language, Units
from .writing import Decoding

_GUESSED = 0x7A  # which words of a batch are the model's own
SCORED = 200  # validation sentences that are translated at every evaluation
PREVIEWED = 4
OF_PAIRS = ("target", "fractions")
OF_LAYOUT = ("form", "source_column", "target_column", "header", "delimiter", "encoding", "errors")


@dataclass(frozen=True, kw_only=True)
class ParallelText:
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
    form: Literal["auto", "lines", "tsv", "csv", "jsonl"] = "auto"
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
        if self.data in parallel_names():
            others = self.valid is not None or self.test is not None  # files, for which the layout is
            foreign = OF_PAIRS if others else (*OF_PAIRS, *OF_LAYOUT)
            refuse_changed(self, foreign, f"with --data {self.data}, which has no use for it")

    def layout(self) -> ParallelLayout:
        """How the files are written."""
        return ParallelLayout(
            form=self.form,
            source_column=self.source_column,
            target_column=self.target_column,
            header=self.header,
            delimiter=self.delimiter,
            encoding=self.encoding,
            errors=self.errors,
        )

    def read(self) -> ParallelSets:
        """The three sets."""
        return open_parallel(
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

    data: ParallelText = field(default_factory=ParallelText)
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


class Batch(NamedTuple):
    """Pairs side by side."""

    source: Tensor  # (S, B)
    source_lengths: Tensor  # (B,)
    target: Tensor  # (T, B), with the end
    lengths: Tensor  # (B,), the end counted
    guessed: Tensor  # (T, B) bool: where the word before is the model's own guess; (0, 0) if nowhere


class Translation(Task):
    """The task ``translate``; see the module."""

    name: ClassVar[str] = "translate"
    Config: ClassVar[type] = TranslateConfig
    unit: ClassVar[str] = "target symbols"
    use: ClassVar[dict[str, str]] = {"ask it": "predict", "measure it": "evaluate"}
    preview_lines: ClassVar[int] = 48  # a row of an alignment for each symbol
    metrics = (
        LOSS,
        PERPLEXITY,
        Metric("bleu", "BLEU", ".2f", larger_is_better=True),
        Metric("bleu_cased", "BLEU cased", ".2f", larger_is_better=True),
        Metric("chrf", "chrF", ".2f", larger_is_better=True),
        Metric("exact", "exact", ".2%", larger_is_better=True),
    )
    config: TranslateConfig

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        others = ("target", "valid", "valid_target", "test", "test_target")
        return {"data": parallel_names(), **dict.fromkeys(others, ())}

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
        self.sets = config.data.read()
        train = self.sets.train
        self.words = {side: frequent(getattr(train, side)) for side in ("source", "target")}
        self.languages = _languages(train, config.vocabulary, config.units)
        for side in ("source", "target"):
            if len(train) > 1 and len(set(getattr(train, side))) == 1:
                told = f"the {side} text is the same in all {len(train):,} pairs: nothing can be learned from it"
                raise DataError(f"{told}; is it the right file, or column?")
        reader, writer = self.languages
        sources, targets = (
            [reader.encode(text) for text in train.source],
            [writer.encode(text) for text in train.target],
        )
        most = config.units.max_symbols
        kept = [n for n, pair in enumerate(zip(sources, targets, strict=True)) if max(map(len, pair)) <= most]
        if not kept:
            raise DataError(f"every pair is longer than {most} symbols; raise --max-symbols")
        self.sources = [sources[n] for n in kept]
        self.targets = [np.append(targets[n], END) for n in kept]
        training = config.training
        lengths = [len(a) + len(b) for a, b in zip(self.sources, self.targets, strict=True)]
        self.batches = Batches(lengths, training.batch_size, training.seed)
        notes = [
            *self.sets.how,
            *excerpts(map(" → ".join, zip(self.sets.first.source, self.sets.first.target, strict=True))),
            *self.sets.notes,
            f"{len(reader):,} source and {len(writer):,} target symbols ({reader.vocabulary.kind})",
        ]
        if len(kept) < len(sources):
            notes.append(f"{len(sources) - len(kept):,} pairs longer than {most} symbols are left out (--max-symbols)")
        long = sum(reader.longer(text, most) for part in (self.sets.valid, self.sets.test) for text in part.source)
        if long:
            notes.append(f"of {long:,} longer sentences for validation and test only the first {most} symbols are read")
        if not len(self.sets.valid):
            notes.append("no validation pairs: training pairs decide which model is kept")
        return notes

    def build_model(self) -> nn.Module:
        reader, writer = self.languages
        return Translator(len(reader), len(writer), self.config.model, self.config.translator)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        numbers = self.batches[step].tolist()
        backwards = self.config.units.reverse_source
        source, source_lengths = pad([self.sources[n][::-1] if backwards else self.sources[n] for n in numbers])
        target, lengths = pad([self.targets[n] for n in numbers])
        rate, training = self.config.translator.scheduled_sampling, self.config.training
        guessed = torch.zeros(0, 0, dtype=torch.bool)
        if rate:
            rate *= min(1.0, step / max(1, training.steps or 1))
            drawn = uniform(training.seed, _GUESSED, step, np.arange(target.numel()))
            guessed = torch.from_numpy(drawn < rate).view(target.shape)
        return Batch(source, source_lengths, target, lengths, guessed)

    def units(self, batch: Batch) -> float:
        return float(batch.lengths.sum())

    def carry(self, model: nn.Module) -> None:
        return None

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, Translator)
        device = self.config.training.device
        source, source_lengths, target, lengths, guessed = (part.to(device) for part in batch)
        before = shifted(target)
        if guessed.numel():
            with torch.no_grad():
                flat = model(source, source_lengths, before, lengths).argmax(1)
                guess = torch.zeros_like(target)
                guess[inside(target.size(0), lengths)] = flat
            before = torch.where(guessed, shifted(guess), before)
        logits = model(source, source_lengths, before, lengths)  # (M, V)
        true = target[inside(target.size(0), lengths)]
        return F.cross_entropy(logits, true, label_smoothing=self.config.translator.label_smoothing), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        pairs = getattr(self.sets, split)
        if not len(pairs):
            if split == "test":
                return {}
            pairs = self.sets.train.pick(range(min(1000, len(self.sets.train))))
        handle = self._handle(model)
        if split == "test":
            return handle.evaluate(pairs).summary()
        some = pairs.pick(range(min(SCORED, len(pairs))))
        scores = handle.scores(some, beam=1)
        return {**handle.loss(pairs), "bleu": scores.bleu, "exact": scores.exact}

    def preview(self, model: nn.Module) -> str:
        pairs = self.sets.valid if len(self.sets.valid) else self.sets.train
        shown = pairs.pick(range(min(PREVIEWED, len(pairs))))
        return self._handle(model).preview(shown)

    def _handle(self, model: nn.Module) -> TrainedTranslator:
        assert isinstance(model, Translator)
        return TrainedTranslator(model, *self.languages, self.config)

    def assets(self) -> dict[str, Any]:
        reader, writer = self.languages
        return {"source": reader.to_json(), "target": writer.to_json(), "data": self.fingerprint(), "words": self.words}

    def fingerprint(self) -> str:
        return self.sets.digest()

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedTranslator:
        return TrainedTranslator.from_file(file, config)


def _languages(pairs: Pairs, kind: str, options: Units) -> tuple[Language, Language]:
    if options.shared:
        both = Language.build([*pairs.source, *pairs.target], kind, options, "source and target")
        return both, both
    return Language.build(pairs.source, kind, options, "source"), Language.build(pairs.target, kind, options, "target")

"""Translation: a sentence in, a sentence out (encoder–decoder with or without attention).

    unrolled train translate                                        dates as people write them → 2016-11-05
    unrolled train translate --data talk.de.gz --target talk.en.gz
    unrolled predict runs/translate-talk-1 "Ein Hund läuft." --show-alignment

    loss = −(1/M) Σ log p(w_t | w_1 … w_{t-1}, source)      in nats per token of the M target tokens, including the end

In training the previous token is the true one (teacher forcing) or, with scheduled sampling, sometimes the model's own
prediction (Bengio et al. 2015), computed for a whole sentence at once (Mihaylova and Martins 2019).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import State, cell_class
from ...data.batches import Batches, pad
from ...data.bitext import Pairs
from ...data.bitext_sets import BitextSets, bitext_names
from ...data.counter import uniform
from ...data.swapped import frequent_words
from ...errors import DataError
from ...layers.decoder import inside
from ...results import Comparison, Progress, silent
from ...training.config import update
from ...training.input_options import InputOptions
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.transfer import Taken
from ..common.description import leaked
from ..common.excerpts import excerpts, short_example
from ..common.given_data import write_objects
from ..common.language import END, Language, shifted
from ..common.seen import hashes
from ..common.sets_task import Description, SetsTask
from . import description, starting
from .config import TranslateConfig
from .evaluation import Evaluate, compare
from .metrics import METRICS
from .model import Translator
from .predictions import Predict
from .trained import TrainedTranslator
from .units import Units

_SAMPLED = 0x7A  # random stream of scheduled sampling
SCORED = 200  # validation sentences translated at every evaluation
PREVIEWED = 4


class Batch(NamedTuple):
    """A padded batch of pairs."""

    source: Tensor  # (S, B)
    source_lengths: Tensor  # (B,)
    target: Tensor  # (T, B), including the end token
    lengths: Tensor  # (B,), including the end token
    sampled: Tensor  # (T, B) bool: the previous token is the model's own prediction; (0, 0) without such positions


class Translation(SetsTask):
    """The task ``translate``; see the module."""

    name: ClassVar[str] = "translate"
    Config: ClassVar[type] = TranslateConfig
    unit: ClassVar[str] = "target tokens"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    preview_lines: ClassVar[int] = 48  # an alignment has a row per token
    given: ClassVar[tuple[str, ...]] = ("data", "valid", "test")
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    description: ClassVar[Description] = description
    metrics = METRICS
    config: TranslateConfig
    sets: BitextSets

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        others = ("target", "valid", "valid_target", "test", "test_target")
        return {"data": bitext_names(), **dict.fromkeys(others, ())}

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """See `Task.write_data`."""
        return write_objects(name, value, ("source", "target"), folder)

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        self.sets = config.data.read()
        self.config = config = update(config, summary=self.sets.summary)
        train = self.sets.train
        self.words = {side: frequent_words(getattr(train, side)) for side in ("source", "target")}
        self.languages = _languages(train, config.vocabulary, config.units)
        started: list[str] = []
        if self.source is not None:
            self.languages, started = starting.languages(self.source, self.languages, config)
        for side in ("source", "target"):
            if len(train) > 1 and len(set(getattr(train, side))) == 1:
                message = f"the {side} text is the same in all {len(train):,} pairs: nothing can be learned from it"
                raise DataError(f"{message}; check the file and the column")
        reader, writer = self.languages
        sources, targets = (
            [reader.encode(text) for text in train.source],
            [writer.encode(text) for text in train.target],
        )
        longest = config.units.max_symbols
        kept = [n for n, pair in enumerate(zip(sources, targets, strict=True)) if max(map(len, pair)) <= longest]
        if not kept:
            raise DataError(f"every pair is longer than {longest} tokens; increase --max-symbols")
        self.sources = [sources[n] for n in kept]
        self.targets = [np.append(targets[n], END) for n in kept]
        training = config.training
        lengths = [len(a) + len(b) for a, b in zip(self.sources, self.targets, strict=True)]
        self.batches = Batches(lengths, integer(training.batch_size), training.seed)
        notes = [
            *self.sets.how,
            *excerpts(map(" → ".join, zip(self.sets.first.source, self.sets.first.target, strict=True))),
            *self.sets.notes,
            *started,
            f"{len(reader):,} source and {len(writer):,} target tokens ({reader.vocabulary.kind})",
        ]
        if len(kept) < len(sources):
            notes.append(
                f"{len(sources) - len(kept):,} pairs longer than {longest} tokens are excluded (--max-symbols)"
            )
        long = sum(reader.longer(text, longest) for part in (self.sets.valid, self.sets.test) for text in part.source)
        if long:
            notes.append(f"{long:,} longer validation and test sentences are truncated to {longest} tokens")
        notes += leaked({part: pairs.source for part, pairs in self.sets.parts().items()}, "sources")
        if not len(self.sets.valid):
            notes.append("no validation pairs: model selection uses the training pairs")
        return notes

    def build_model(self) -> nn.Module:
        reader, writer = self.languages
        return Translator(len(reader), len(writer), self.config.model, self.config.translator)

    @classmethod
    def kept(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        super().kept(source, options)
        return starting.kept(source, options)

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        return starting.taken(self.source, *self.languages)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        numbers = self.batches[step].tolist()
        backwards = self.config.units.reverse_source
        source, source_lengths = pad([self.sources[n][::-1] if backwards else self.sources[n] for n in numbers])
        target, lengths = pad([self.targets[n] for n in numbers])
        rate, training = self.config.translator.scheduled_sampling, self.config.training
        sampled = torch.zeros(0, 0, dtype=torch.bool)
        if rate:
            rate *= min(1.0, step / max(1, training.steps or 1))
            drawn = uniform(training.seed, _SAMPLED, step, np.arange(target.numel()))
            sampled = torch.from_numpy(drawn < rate).view(target.shape)
        return Batch(source, source_lengths, target, lengths, sampled)

    def units(self, batch: Batch) -> float:
        return float(batch.lengths.sum())

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, Translator)
        device = self.config.training.device
        source, source_lengths, target, lengths, sampled = (part.to(device) for part in batch)
        before = shifted(target)
        if sampled.numel():
            with torch.no_grad():
                flat = model(source, source_lengths, before, lengths).argmax(1)
                predicted = torch.zeros_like(target)
                predicted[inside(target.size(0), lengths)] = flat
            before = torch.where(sampled, shifted(predicted), before)
        logits = model(source, source_lengths, before, lengths)  # (M, V)
        true = target[inside(target.size(0), lengths)]
        return F.cross_entropy(logits, true, label_smoothing=self.config.translator.label_smoothing), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        pairs = self.sets.parts()[split]
        if not len(pairs):
            if split == "test":
                return {}
            pairs = self.sets.train.pick(range(min(1000, len(self.sets.train))))
        handle = self._handle(model)
        if split == "test":
            return handle.evaluate(pairs).summary()
        scores = handle.evaluate(pairs.pick(range(min(SCORED, len(pairs)))), beam=1).summary()
        shown = ("rougeL", "bleu", "exact")
        return {**handle.loss(pairs), **{name: scores[name] for name in shown if name in scores}}

    def preview(self, model: nn.Module) -> str:
        pairs = self.sets.valid if len(self.sets.valid) else self.sets.train
        shown = pairs.pick(range(min(PREVIEWED, len(pairs))))
        return self._handle(model).preview(shown)

    def _handle(self, model: nn.Module) -> TrainedTranslator:
        assert isinstance(model, Translator)
        return TrainedTranslator(model, *self.languages, self.config)

    def example(self) -> str:
        return short_example((self.sets.valid if len(self.sets.valid) else self.sets.train).source)

    def assets(self) -> dict[str, Any]:
        reader, writer = self.languages
        return {
            "source": reader.to_json(),
            "target": writer.to_json(),
            "data": self.fingerprint(),
            "seen": hashes(self.sets.train.texts()),
            "words": self.words,
        }

    @classmethod
    def compare(cls, models: Mapping[str, Any], options: Any, progress: Progress = silent) -> Comparison:
        return compare(models, options, progress)

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedTranslator:
        return TrainedTranslator.from_file(file, config)


def _languages(pairs: Pairs, kind: str, options: Units) -> tuple[Language, Language]:
    if options.shared:
        both = Language.build([*pairs.source, *pairs.target], kind, options, "source and target")
        return both, both
    return Language.build(pairs.source, kind, options, "source"), Language.build(pairs.target, kind, options, "target")

"""Tagging: a label for each word of a sentence, such as whether it is part of a person's name.

    unrolled train tag                          on sentences that are made up, without any file
    unrolled train tag --data words.conll       on a file with a word and its tag on each line
    unrolled predict runs/tag-words-1 "He said, 'Teddy Roosevelt was a great President!'"

    x_t (B,) words and their letters → (B, D) → recurrent layers, both directions → scores e_t (B, K) → tags
    loss = −log p(y) / T,  in nats per word; p from a softmax for each word, or from a conditional random field

Whether "Teddy" begins a name may be told by what follows only: "Teddy bears are on sale". So a layer that reads from
the end is on unless told otherwise. Graves and Schmidhuber 2005; Lample et al. 2016; Ma and Hovy 2016.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...cells import State, cell_class
from ...data.batches import Batches, pad
from ...data.columns import Sentence
from ...data.counter import uniform
from ...data.named_data import NamedData
from ...data.tagged import Tagged, tagged_names
from ...data.tags import entities
from ...results import Report
from ...training.input_options import InputOptions
from ...training.metrics import ACCURACY, LOSS, Metric
from ...training.modelfile import ModelFile
from ...training.task import Task
from ..common.excerpts import excerpts
from ..common.explained_texts import ExplainedTexts
from . import description
from .config import TagConfig
from .evaluation import Evaluate
from .model import Tagger
from .trained import TrainedTagger
from .words import Lexicon, Sentences, TagSet, stretches

_DROPPED = 0x3D  # which words of a batch are taken for unknown
PREVIEWED = 6  # sentences


class Batch(NamedTuple):
    """Sentences and their tags."""

    sentences: Sentences
    tags: Tensor  # (T, B) int64


class Tagging(Task):
    """The task ``tag``; see the module."""

    name: ClassVar[str] = "tag"
    Config: ClassVar[type] = TagConfig
    unit: ClassVar[str] = "words"
    use: ClassVar[dict[str, str]] = {"ask it": "predict", "measure it": "evaluate"}
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = ExplainedTexts
    metrics = (LOSS, ACCURACY, *(Metric(name, name, larger_is_better=True) for name in ("precision", "recall", "f1")))
    config: TagConfig
    tagged: Tagged

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": tagged_names(), "valid": (), "test": ()}

    @classmethod
    def named(cls) -> list[NamedData]:
        return description.named()

    @classmethod
    def likely(cls, path: Path) -> bool:
        return description.likely(path)

    def describe(self) -> Report:
        return description.describe(self.config.data)

    def check(self) -> list[str]:
        return [*self.prepare(), *description.suspicious(self.tagged)]

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        self.tagged = config.data.source().read()
        train = self.tagged.train
        every = (*train, *self.tagged.valid, *self.tagged.test)
        self.tags = TagSet.of(every, "plain" if self.tagged.plain else config.words.tagging)
        self.decides = "accuracy" if self.tags.plain else "f1"
        words = [one.words for one in train]
        self.lexicon = Lexicon.of(words, lowercase=config.data.lowercase, min_count=config.data.min_count)
        rate = config.words.word_dropout
        self.dropped = rate / (rate + np.maximum(self.lexicon.counts(words), 1))  # of each word's number
        self.parts = [(n, a, b) for n, one in enumerate(train) for a, b in stretches(len(one), config.data.max_words)]
        self.numbers = [self.tags.numbers(train[n].tags[a:b]) for n, a, b in self.parts]
        self.batches = Batches([b - a for _, a, b in self.parts], config.training.batch_size, config.training.seed)
        first = (" ".join(map("/".join, zip(one.words, one.tags, strict=True))) for one in self.tagged.first)
        notes = [*self.tagged.how, *(excerpts(first) if self.tagged.how else ()), *self.tagged.notes]
        total = sum(map(len, train))
        kinds = f"{len(self.tags)} tags" if self.tags.plain else f"entities: {', '.join(self.tags.types)}"
        notes.append(f"{total:,} words of training text, {len(self.lexicon.words):,} different; {kinds}")
        if len(self.parts) > len(train):
            notes.append(f"sentences longer than {config.data.max_words} words are read in stretches of that length")
        if not self.tagged.valid:
            notes.append("no validation sentences: training sentences decide which model is kept")
        return notes

    def build_model(self) -> nn.Module:
        return Tagger(self.lexicon, self.tags, self.config.model, self.config.words)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        numbers = self.batches[step].tolist()
        chosen = [self.parts[n] for n in numbers]
        sentences = self.lexicon.read([self.tagged.train[n].words[a:b] for n, a, b in chosen])
        tags, _ = pad([self.numbers[n] for n in numbers])
        words = sentences.words.numpy()
        drawn = uniform(self.config.training.seed, _DROPPED, step, np.arange(words.size)).reshape(words.shape)
        kept = torch.from_numpy(np.where(drawn < self.dropped[words], 0, words))
        return Batch(sentences._replace(words=kept), tags)

    def units(self, batch: Batch) -> float:
        return float(batch.sentences.lengths.sum())

    def carry(self, model: nn.Module) -> None:
        return None

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, Tagger)
        device = self.config.training.device
        sentences, tags = batch.sentences.to(device), batch.tags.to(device)
        likely = model.log_likelihood(model(sentences).float(), tags, sentences.lengths)  # (B,)
        return -likely.sum() / sentences.lengths.sum(), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        part: list[Sentence] = getattr(self.tagged, split)
        if not part and split == "test":
            return {}
        return self._handle(model).evaluate(part or self.tagged.train)[0]

    def preview(self, model: nn.Module) -> str:
        part = self.tagged.valid or self.tagged.train
        shown = [one for one in part if self.tagged.plain or entities(one.tags)][:PREVIEWED]
        guessed = self._handle(model).tag([one.words for one in shown])
        lines = [
            compared(one.words, one.tags, tags, self.tagged.plain) for one, tags in zip(shown, guessed, strict=True)
        ]
        return "\n".join(lines)

    def _handle(self, model: nn.Module) -> TrainedTagger:
        assert isinstance(model, Tagger)
        return TrainedTagger(model, self.lexicon, self.tags, self.config)

    def assets(self) -> dict[str, Any]:
        return {
            "lexicon": self.lexicon.to_json(),
            "tags": self.tags.to_json(),
            "data": self.fingerprint(),
        }

    def fingerprint(self) -> str:
        return self.tagged.digest

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedTagger:
        return TrainedTagger.from_file(file, config)


def compared(words: Sequence[str], true: Sequence[str], tags: Sequence[str], plain: bool) -> str:
    """A sentence with what was found in it: ✓ right, ✗ wrong; and what was missed."""
    if plain:
        wrong = (f"{word}/{b}" if a == b else f"{word}/{b}✗({a})" for word, a, b in zip(words, true, tags, strict=True))
        return " ".join(wrong)
    there, found = entities(true), entities(tags)
    marked = list(words)
    for one in found:
        marked[one.start] = "[" + marked[one.start]
        marked[one.stop - 1] += f"]{one.type}{'✓' if one in there else '✗'}"
    missed = [f"[{' '.join(words[one.start : one.stop])}]{one.type}" for one in there if one not in found]
    return " ".join(marked) + (f"   missed: {', '.join(missed)}" if missed else "")

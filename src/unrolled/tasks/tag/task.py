"""Sequence labelling: a tag for each word of a sentence, as in named entity recognition.

    unrolled train tag                          on generated sentences, without a file
    unrolled train tag --data words.conll       on a file with a word and its tag per line
    unrolled predict runs/tag-words-1 "Teddy Roosevelt was a great President!"

    x_t (B,) words and their characters → (B, D) → bidirectional layers → scores e_t (B, K) → tags
    loss = −log p(y) / T,  in nats per word; p from a softmax for each word, or from a conditional random field

Whether "Teddy" begins a name may depend on the following words: "Teddy bears are on sale". The layers are therefore
bidirectional by default. Graves and Schmidhuber 2005; Lample et al. 2016; Ma and Hovy 2016.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...cells import State, cell_class
from ...data.batches import Batches, pad
from ...data.counter import uniform
from ...data.tagged import Tagged, tagged_names
from ...data.tags import entities
from ...training.input_options import InputOptions
from ...training.metrics import ACCURACY, LOSS, Metric
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.transfer import Taken
from ..common.description import counted, leaked
from ..common.excerpts import TRIED, excerpts, short_example, visible
from ..common.given_data import write_tagged
from ..common.seen import hashes
from ..common.sets_task import Description, SetsTask
from . import description, starting
from .config import TagConfig
from .evaluation import Evaluate, spelled, text_of
from .model import Tagger
from .prediction import Predict
from .trained import TrainedTagger
from .words import Lexicon, Sentences, TagSet, stretches

_DROPPED = 0x3D  # random stream of word dropout
PREVIEWED = 6  # sentences


class Batch(NamedTuple):
    """A padded batch of sentences and their tags."""

    sentences: Sentences
    tags: Tensor  # (T, B) int64


class Tagging(SetsTask):
    """The task ``tag``; see the module."""

    name: ClassVar[str] = "tag"
    Config: ClassVar[type] = TagConfig
    unit: ClassVar[str] = "words"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    given: ClassVar[tuple[str, ...]] = ("data", "valid", "test")
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    description: ClassVar[Description] = description
    metrics = (LOSS, ACCURACY, *(Metric(name, name, larger_is_better=True) for name in ("precision", "recall", "f1")))
    config: TagConfig
    sets: Tagged

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": tagged_names(), "valid": (), "test": ()}

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """See `Task.write_data`."""
        return write_tagged(name, value, folder)

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        self.sets = config.data.read()
        train = self.sets.train
        sentences = (*train, *self.sets.valid, *self.sets.test)
        self.tags = TagSet.of(sentences, "plain" if self.sets.plain else config.words.tagging)
        self.decides = "accuracy" if self.tags.plain else "f1"
        words = [sentence.words for sentence in train]
        self.lexicon = Lexicon.of(words, lowercase=config.data.lowercase, min_count=config.data.min_count)
        started: list[str] = []
        if self.source is not None:
            self.lexicon, started = starting.lexicon(self.source, self.lexicon, config.start.from_run)
            self.tags = starting.tags(self.source, self.tags, config)
        rate = config.words.word_dropout
        self.dropped = rate / (rate + np.maximum(self.lexicon.counts(words), 1))  # by word id
        longest = config.data.max_words
        self.parts = [(n, a, b) for n, sentence in enumerate(train) for a, b in stretches(len(sentence), longest)]
        self.numbers = [self.tags.numbers(train[n].tags[a:b]) for n, a, b in self.parts]
        self.batches = Batches(
            [b - a for _, a, b in self.parts], integer(config.training.batch_size), config.training.seed
        )
        first = map(spelled, self.sets.first)
        notes = [*self.sets.how, *(excerpts(first) if self.sets.how else ()), *self.sets.notes]
        notes += started
        total = sum(map(len, train))
        kinds = f"{len(self.tags)} tags" if self.tags.plain else "entities"
        notes.append(f"{total:,} words of training text, {len(self.lexicon.words):,} different")
        notes.append(f"{kinds}: {visible(counted(description.counts(sentences, self.sets.plain)))}")
        if len(self.parts) > len(train):
            notes.append(f"sentences longer than {longest} words are split")
        notes += leaked({part: [*map(text_of, found)] for part, found in self.sets.parts().items()}, "sentences")
        if not self.sets.valid:
            notes.append("no validation sentences: model selection uses the training sentences")
        return notes

    def build_model(self) -> nn.Module:
        return Tagger(self.lexicon, self.tags, self.config.model, self.config.words)

    @classmethod
    def kept(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        return starting.kept(source, options)

    @classmethod
    def started(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        return starting.started(options)

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        return starting.taken(self.source, self.lexicon, self.tags, self.config)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        numbers = self.batches[step].tolist()
        chosen = [self.parts[n] for n in numbers]
        sentences = self.lexicon.read([self.sets.train[n].words[a:b] for n, a, b in chosen])
        tags, _ = pad([self.numbers[n] for n in numbers])
        words = sentences.words.numpy()
        drawn = uniform(self.config.training.seed, _DROPPED, step, np.arange(words.size)).reshape(words.shape)
        masked = torch.from_numpy(np.where(drawn < self.dropped[words], 0, words))
        return Batch(sentences._replace(words=masked), tags)

    def units(self, batch: Batch) -> float:
        return float(batch.sentences.lengths.sum())

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, Tagger)
        device = self.config.training.device
        sentences, tags = batch.sentences.to(device), batch.tags.to(device)
        log_p = model.log_likelihood(model(sentences).float(), tags, sentences.lengths)  # (B,)
        return -log_p.sum() / sentences.lengths.sum(), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        part = self.sets.parts()[split]
        if not part and split == "test":
            return {}
        return self._handle(model).evaluate(part or self.sets.train)[0]

    def preview(self, model: nn.Module) -> str:
        part = self.sets.valid or self.sets.train
        shown = [sentence for sentence in part if self.sets.plain or entities(sentence.tags)][:PREVIEWED]
        predicted = self._handle(model).tag([sentence.words for sentence in shown])
        lines = [
            compared(sentence.words, sentence.tags, tags, self.sets.plain)
            for sentence, tags in zip(shown, predicted, strict=True)
        ]
        return "\n".join(lines)

    def _handle(self, model: nn.Module) -> TrainedTagger:
        assert isinstance(model, Tagger)
        return TrainedTagger(model, self.lexicon, self.tags, self.config)

    def example(self) -> str:
        return short_example([" ".join(sentence.words) for sentence in (self.sets.valid or self.sets.train)[:TRIED]])

    def assets(self) -> dict[str, Any]:
        return {
            "lexicon": self.lexicon.to_json(),
            "tags": self.tags.to_json(),
            "data": self.fingerprint(),
            "seen": hashes([*map(text_of, self.sets.train)]),
        }

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedTagger:
        return TrainedTagger.from_file(file, config)


def compared(words: Sequence[str], true: Sequence[str], tags: Sequence[str], plain: bool) -> str:
    """Return a sentence with its predicted entities, marked ✓ (right) or ✗ (wrong), and the missed entities."""
    if plain:
        marked_words = (
            f"{word}/{b}" if a == b else f"{word}/{b}✗({a})" for word, a, b in zip(words, true, tags, strict=True)
        )
        return " ".join(marked_words)
    expected, predicted = entities(true), entities(tags)
    marked = list(words)
    for entity in predicted:
        marked[entity.start] = "[" + marked[entity.start]
        marked[entity.stop - 1] += f"]{entity.type}{'✓' if entity in expected else '✗'}"
    missed = [f"[{' '.join(words[a:b])}]{type}" for a, b, type in expected if (a, b, type) not in predicted]
    return " ".join(marked) + (f"   missed: {', '.join(missed)}" if missed else "")

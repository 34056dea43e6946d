"""Text classification: a text in, its class out (many-to-one).

    unrolled train classify --data reviews.csv
    unrolled predict runs/classify-reviews-1 "not as bad as I had feared"

    x_t (B,) tokens → embedding (B, E) → recurrent layers, one or two directions (B, O)
    v = pooling of y_1 … y_L (B, O) → logits z = W v + b (B, C)
    loss = −Σ_c q_c log softmax(z)_c,  q = (1 − ε) one-hot + ε/C   (label smoothing, Szegedy et al. 2016)

Texts have any length: padding is ignored, and batches contain texts of similar length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...cells import State, cell_class
from ...data.batches import Batches, pad
from ...data.label_names import alike, key
from ...data.labelled_sets import LabelledSets, classes_of, labelled_names
from ...results import Comparison, Progress, silent
from ...training.config import changed_flags, refuse_changed
from ...training.input_options import InputOptions
from ...training.log import Offer
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.transfer import Taken
from ..common.class_measures import METRICS, scores
from ..common.description import counted, leaked
from ..common.excerpts import excerpts, short_example, visible
from ..common.given_data import check_order, write_objects
from ..common.guessed_columns import guessed_columns
from ..common.seen import hashes
from ..common.sets_task import Description, SetsTask
from ..common.starting import class_names
from . import description, starting
from .bag import Bag
from .bag_fit import fit_bag
from .config import OF_FILES, USED_BY_A_BAG, ClassifyConfig
from .evaluation import Evaluate, compare
from .measures import measure
from .model import NETWORKS, Model
from .prediction import Predict
from .text_input import LEARNED, ONE_HOT, WORD2VEC, Tokenizer, initial_vectors
from .trained import TrainedClassifier

# T steps, B texts

SMALL, SMALL_TOKENS = 2000, 200_000  # training texts and their tokens: more are not compared with a bag of words


class Batch(NamedTuple):
    """A padded batch of texts and their classes."""

    ids: Tensor  # (T, B)
    lengths: Tensor  # (B,)
    labels: Tensor  # (B,)


class Classification(SetsTask):
    """The task ``classify``; see the module."""

    name: ClassVar[str] = "classify"
    Config: ClassVar[type] = ClassifyConfig
    unit: ClassVar[str] = "tokens"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    given: ClassVar[tuple[str, ...]] = ("data", "test")
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    description: ClassVar[Description] = description
    metrics = METRICS
    config: ClassifyConfig
    sets: LabelledSets

    @classmethod
    def compare(cls, models: Mapping[str, Any], options: Any, progress: Progress = silent) -> Comparison:
        return compare(models, options, progress)

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": labelled_names(), "test": (), "embeddings": (LEARNED, ONE_HOT, WORD2VEC)}

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """See `Task.write_data`."""
        check_order(name, value)
        return write_objects(name, value, ("text", "label"), folder)

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        if config.data.test is None and config.data.data in labelled_names():  # the named sets have a fixed format
            refuse_changed(config.data, OF_FILES, f"with --data {config.data.data}, which does not use it")
        self.sets = config.data.read()
        train = self.sets.train
        self.classes, class_notes = classes_of(self.sets, config.data.data)
        if self.source is not None:
            self.classes = class_names(self.source, self.classes, config.start)
        self.reader, start_notes = self._reader(train.texts)
        longest = config.reading.max_length
        encoded = [self.reader.encode(text) for text in train.texts]
        self.ids = [ids[:longest] for ids in encoded]
        numbers = {name: number for number, name in enumerate(self.classes)}
        self.labels = torch.tensor([numbers[label] for label in train.labels])
        seed = config.training.seed
        self.batches = Batches([len(ids) for ids in self.ids], integer(config.training.batch_size), seed)
        self.vectors, vector_note = initial_vectors(self.reader, train.texts, config.reading, seed)
        self.weights = config.answer.weights(self.labels, len(self.classes))
        self.against_overfitting = "--fold-labels" if alike(self.classes) else ""
        parts = self.sets.parts()
        sizes = ", ".join(f"{len(examples):,} {part}" for part, examples in parts.items())
        counts = Counter(label for examples in parts.values() for label in examples.labels)
        notes = [
            f"{config.data.data}: {sizes} texts of {len(self.classes)} classes; "
            f"{len(self.reader.vocabulary):,} tokens ({self.reader.vocabulary.kind})",
            f"{len(self.classes)} classes: {visible(counted(counts))}",
            *self.sets.how,
            *excerpts(map(" ← ".join, zip(self.sets.first.labels, self.sets.first.texts, strict=True))),
            *self.sets.notes,
            *class_notes,
            *start_notes,
            *leaked({part: examples.texts for part, examples in parts.items()}, "texts", config.data.remedy, key),
        ]
        if vector_note:
            notes.append(vector_note)
        if long := sum(len(ids) > longest for ids in encoded):
            notes.append(f"{long:,} training texts are longer than {longest} tokens and are truncated")
        if not len(self.sets.test):
            notes.append("no test texts: the final report has no test metrics")
        return notes

    def _reader(self, texts: list[str]) -> tuple[Tokenizer, list[str]]:
        """Return the tokenizer and a note on the vocabulary of the model that training starts from, if any."""
        own = Tokenizer.build(texts, self.config.reading)
        return (own, []) if self.source is None else starting.reader(self.source, own, self.config)

    @classmethod
    def kept(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        return starting.kept(source, options)

    @classmethod
    def started(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        return starting.started(source, options)

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        return starting.taken(self.source, self.reader.vocabulary, self.classes, self.config)

    def fit(self) -> Callable[[], nn.Module] | None:
        return self._bag if self.config.baseline.kind == "bag" else None

    def _bag(self) -> Bag:
        return fit_bag(self.ids, self.labels, len(self.reader.vocabulary), len(self.classes), self.weights)

    def offer(self, model: nn.Module) -> Offer | None:
        """Compare with a bag of words if the training set is small: offer it unless the model has the better accuracy,
        and a log loss that is lower by more than the standard error of the difference."""
        config, valid = self.config, self.sets.valid
        if len(self.labels) > SMALL or sum(map(len, self.ids)) > SMALL_TOKENS or not len(valid):
            return None
        true = np.array([self.classes.index(label) for label in valid.labels])
        found = [self._handle(part).probabilities(valid.texts) for part in (model, self._bag())]
        own, bag = (scores(probabilities, true, self.classes) for probabilities in found)
        losses = [-np.log(np.maximum(part[np.arange(len(true)), true], 1e-15)) for part in found]
        lead = losses[1] - losses[0]  # of the model, by text
        if own.accuracy >= bag.accuracy and lead.mean() > lead.std() / math.sqrt(len(lead)):
            return None
        better = bag.accuracy > own.accuracy and bag.loss <= own.loss
        reason = (
            f"a bag of words is {'better' if better else 'about as good'} on the {len(valid):,} validation texts: "
            f"accuracy {bag.accuracy:.3f} against {own.accuracy:.3f}, log loss {bag.loss:.3f} against {own.loss:.3f}"
        )
        flags = [*changed_flags(config.data), *changed_flags(config.reading, USED_BY_A_BAG)]
        return Offer(reason, ("train", self.name, *flags, "--kind", "bag"))

    def build_model(self) -> nn.Module:
        build = NETWORKS[self.config.baseline.kind]
        return build(len(self.reader.vocabulary), len(self.classes), self.config, self.vectors)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        chosen = self.batches[step]
        ids, lengths = pad([self.ids[i] for i in chosen])
        return Batch(ids, lengths, self.labels[torch.from_numpy(chosen)])

    def units(self, batch: Batch) -> float:
        return float(batch.lengths.sum())

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        device = self.config.training.device
        logits = model(batch.ids.to(device), batch.lengths.to(device))
        return self.config.answer.of(logits, batch.labels, self.weights), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        examples = self.sets.parts()[split]
        if not len(examples):
            return {}
        return measure(self._handle(model), examples).summary()

    def preview(self, model: nn.Module) -> str:
        shown = self.sets.valid.pick(range(min(5, len(self.sets.valid))))
        handle = self._handle(model)
        lines = []
        for label, prediction in zip(shown.labels, handle.predict(shown.texts), strict=True):
            answer, text = prediction.answer, prediction.text[:100]
            verdict = "right" if answer == label else f"wrong: {label}"
            lines.append(f"{prediction.probabilities[answer]:4.0%} {answer} ({verdict})  {text}")
        return "\n".join(lines)

    def _handle(self, model: nn.Module) -> TrainedClassifier:
        assert isinstance(model, Model)
        return TrainedClassifier(model, self.reader, self.classes, self.config)

    def example(self) -> str:
        return short_example(self.sets.valid.texts)

    def assets(self) -> dict[str, Any]:
        return {
            "vocabulary": self.reader.vocabulary.to_json(),
            "classes": self.classes,
            "data": self.fingerprint(),
            "seen": hashes([*map(key, self.sets.train.texts)]),
            **guessed_columns(self.sets.guessed),
        }

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedClassifier:
        return TrainedClassifier.from_file(file, config)

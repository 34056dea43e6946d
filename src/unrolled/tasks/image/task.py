"""Image classification: a picture in, its class out (one-to-one).

    unrolled train image --data photos
    unrolled predict runs/image-photos-1 new.jpg

    pixels (B, h, w, C) → convolution, ReLU, max-pooling (B, F, h', w') → mean over places (B, F) → logits z (B, K)
    loss = −Σ_k q_k log softmax(z)_k,  q = (1 − ε) one-hot + ε/K   (label smoothing, Szegedy et al. 2016)

Pictures are decoded once, and changed at random in every step (data/augmentation.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ...cells import State
from ...data.augmentation import augmented
from ...data.label_names import alike
from ...data.picture_sets import NAMES, PictureSets
from ...data.shuffled import Shuffled
from ...results import Part, Picture, Text
from ...training.config import refuse_changed, update
from ...training.input_options import InputOptions
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.transfer import Taken
from ..common.class_measures import METRICS, scores, true_classes
from ..common.description import counted, leaked
from ..common.excerpts import visible
from ..common.guessed_columns import guessed_columns
from ..common.seen import hashes
from ..common.sets_task import Description, SetsTask
from ..common.starting import class_names
from . import description, starting
from .config import OF_FILES, ImageConfig
from .defaults import with_augmentation
from .evaluation import Evaluate
from .inspection import Inspect
from .model import ImageClassifier
from .prediction import Predict
from .sheet import sheet
from .trained import TrainedImages

# B pictures, h × w pixels, C channels, K classes

PREVIEWED = 20  # pictures


class Batch(NamedTuple):
    """Pictures and their classes."""

    pixels: Tensor  # (B, h, w, C)
    labels: Tensor  # (B,)


class ImageClassification(SetsTask):
    """The task ``image``; see the module."""

    name: ClassVar[str] = "image"
    Config: ClassVar[type] = ImageConfig
    unit: ClassVar[str] = "pictures"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate", "look inside": "inspect"}
    given: ClassVar[tuple[str, ...]] = ("data", "test")
    keeps: ClassVar[tuple[str, ...]] = starting.NETWORK
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    Inspect: ClassVar[type | None] = Inspect
    description: ClassVar[Description] = description
    metrics = METRICS
    decides: str = "accuracy"  # label smoothing raises the log loss
    config: ImageConfig
    sets: PictureSets

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": NAMES, "test": ()}

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """See `Task.write_data`."""
        return description.write_pictures(name, value, folder)

    def prepare(self) -> list[str]:
        config = self.config
        if config.data.data in NAMES and config.data.test is None:
            refuse_changed(config.data, OF_FILES, f"with --data {config.data.data}, which does not use it")
        self.sets = config.data.read()
        train = self.sets.train
        size, channels = train.pixels.shape[1], train.pixels.shape[3]
        config = self.config = update(with_augmentation(config, self.sets.kind, size), size=size, channels=channels)
        self.classes = self.sets.classes(config.data.data)
        if self.source is not None:
            self.classes = class_names(self.source, self.classes, config.start)
        self.labels = torch.from_numpy(true_classes(train.labels, train.names, self.classes))
        self.order = Shuffled(len(train), integer(config.training.batch_size), config.training.seed)
        self.colour = train.pixels.mean((0, 1, 2))
        self.changes = config.augmentation.changes()
        self.weights = config.answer.weights(self.labels, len(self.classes))
        model = ImageClassifier(channels, len(self.classes), config.model)
        model.features.grid_size(size, size)
        parts = self.sets.parts()
        sizes = ", ".join(f"{len(pictures):,} {part}" for part, pictures in parts.items())
        counts = Counter(label for pictures in parts.values() for label in pictures.labels)
        colours = "grey" if channels == 1 else "RGB"
        notes = [
            f"{config.data.data}: {sizes} pictures of {len(self.classes)} classes; {size} × {size} pixels, {colours}",
            f"{len(self.classes)} classes: {visible(counted(counts))}",
            *self.sets.how,
            *self.sets.notes,
            f"augmentation: {description.changes(self.changes)}",
            *description.doubtful(self.sets),
            *leaked({part: pictures.digests for part, pictures in parts.items()}, "pictures"),
        ]
        if warning := alike(self.classes):
            notes.append(warning)
        if not len(self.sets.test):
            notes.append("no test pictures: the final report has no test metrics")
        return notes

    @classmethod
    def started(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        return {name: options[name] for name in ("size", "fit") if options[name] is not None}

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        return starting.taken(self.source, self.classes, self.config)

    def build_model(self) -> nn.Module:
        model = ImageClassifier(self.sets.train.pixels.shape[3], len(self.classes), self.config.model)
        model.normalise_by(self.sets.train.pixels)
        return model

    @property
    def steps_per_epoch(self) -> float:
        return self.order.per_epoch

    def batch(self, step: int) -> Batch:
        chosen = self.order[step]
        pixels = self.sets.train.pixels[chosen]
        changed = augmented(pixels, self.changes, self.colour, self.config.training.seed, step)
        return Batch(torch.from_numpy(changed), self.labels[torch.from_numpy(chosen)])

    def units(self, batch: Batch) -> float:
        return float(len(batch.labels))

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        logits = model(batch.pixels.to(self.config.training.device)).float()
        return self.config.answer.of(logits, batch.labels, self.weights), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        pictures = self.sets.parts()[split]
        if not len(pictures):
            return {}
        true = true_classes(pictures.labels, pictures.names, self.classes)
        return scores(self._handle(model).probabilities(pictures.pixels), true, self.classes).summary()

    def preview(self, model: nn.Module) -> Sequence[Part]:
        shown = self.sets.valid.pick(range(min(PREVIEWED, len(self.sets.valid))))
        found = self._handle(model).probabilities(shown.pixels)
        lines, captions = [], []
        for label, row in zip(shown.labels, found, strict=True):
            answer = self.classes[int(row.argmax())]
            verdict = "right" if answer == label else f"not {label}"
            captions.append((f"{row.max():.0%} {answer}", verdict))
            lines.append(f"{row.max():4.0%} {answer} ({verdict})")
        return [
            Text("\n".join(lines[:5])),
            Picture("predictions", lambda: sheet(list(shown.pixels), captions), "validation pictures"),
        ]

    def _handle(self, model: nn.Module) -> TrainedImages:
        assert isinstance(model, ImageClassifier)
        return TrainedImages(model, self.classes, self.config)

    def assets(self) -> dict[str, Any]:
        return {
            "classes": self.classes,
            "data": self.fingerprint(),
            "seen": hashes(self.sets.train.digests),
            **guessed_columns(self.sets.guessed),
        }

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedImages:
        return TrainedImages.from_file(file, config)

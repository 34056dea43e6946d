"""Video: the class of a clip (many-to-one), or a label for each of its frames (many-to-many).

    unrolled train video --data clips
    unrolled predict runs/video-clips-1 new.mp4

    frames x_t (H, W, C) → convolutions over x_t and x_t − x_{t−1} → e_t (E) → recurrent layers → y_t (O)
    --labels clip:   v = pooling of y_1 … y_L → logits z = W v + b (K)
    --labels frame:  z_t = W y_t + b (K) for each frame
    loss = −Σ_k q_k log softmax(z)_k,  q = (1 − ε) one-hot + ε/K,  averaged over clips, or frames

Clips have any length: convolutions see real frames only, see `layers.frames`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...cells import State, cell_class
from ...data.augmentation import augmented
from ...data.counter import uniform
from ...data.labelled_clips import Clips, ClipSets
from ...data.pictures import Pixels
from ...data.shuffled import Shuffled
from ...layers.frames import flattened
from ...results import Part, Text
from ...training.config import update
from ...training.input_options import InputOptions
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.transfer import Taken
from ..common.description import counted, leaked
from ..common.excerpts import visible
from ..common.picture_bytes import clip_file
from ..common.seen import hashes
from ..common.sets_task import Description, SetsTask
from ..common.starting import class_names
from . import description, starting
from .config import VideoConfig
from .drawing import compared
from .evaluation import Evaluate
from .given import write_clips
from .measures import METRICS, measure, truth
from .model import VideoClassifier
from .prediction import Predict
from .sources import NAMES
from .trained import TrainedVideo

# B clips, N frames of them all, L frames of a clip, H × W pixels, C channels, K classes

PREVIEWED = 5  # clips
SAMPLED = 40  # training clips, and frames of each, for mean and deviation of the pixels
SINGLES = 4  # every so many frames of a batch, one is for the baseline
_STRETCH, _SINGLES = 0xF4A, 0xF4B  # random streams


class Batch(NamedTuple):
    """The frames of some clips, clip by clip, and their classes."""

    frames: Tensor  # (N, …)
    lengths: Tensor  # (B,)
    labels: Tensor  # (B,), or (N,) for labels of frames
    singles: Tensor  # (S,): the frames for the baseline of single frames


class VideoClassification(SetsTask):
    """The task ``video``; see the module."""

    name: ClassVar[str] = "video"
    Config: ClassVar[type] = VideoConfig
    unit: ClassVar[str] = "frames"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    given: ClassVar[tuple[str, ...]] = ("data", "test")
    keeps: ClassVar[tuple[str, ...]] = starting.NETWORK
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    metrics = METRICS
    decides: str = "accuracy"
    description: ClassVar[Description] = description
    config: VideoConfig
    sets: ClipSets

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": NAMES, "test": ()}

    @classmethod
    def write_data(cls, name: str, value: Any, folder: Path) -> Path:
        """See `Task.write_data`."""
        return write_clips(name, value, folder)

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        self.sets = config.data.read(self.progress)
        train = self.sets.train
        h, w, channels = self.shape = tuple(train[0].shape[1:])
        shift = config.motion.shift if config.motion.shift is not None else max(1, min(h, w) // 16)
        config = self.config = update(config, size=(h, w), channels=channels, shift=shift)
        self.classes = self.sets.classes(config.data.data)
        if self.source is not None:
            self.classes = class_names(self.source, self.classes, config.start)
        self.true = truth(train, self.classes)
        self.order = Shuffled(len(train), integer(config.training.batch_size), config.training.seed)
        self.sample = _sample(train)
        self.colour = self.sample.mean((0, 1, 2))
        labels = torch.from_numpy(np.concatenate([np.atleast_1d(part) for part in self.true]))
        self.weights = config.answer.weights(labels, len(self.classes))
        parts = self.sets.parts()
        sizes = ", ".join(f"{len(clips):,} {part}" for part, clips in parts.items())
        counts = Counter(label for clips in parts.values() for label in clips.every_label())
        colours = "grey" if channels == 1 else "RGB"
        lengths = train.lengths
        what = "frames" if train.tracks else "clips"
        return [
            f"{config.data.data}: {sizes} clips of {lengths.min():,} to {lengths.max():,} frames; {h} × {w} pixels, "
            f"{colours}",
            f"{len(self.classes)} classes of {what}: {visible(counted(counts))}",
            *self.sets.how,
            *self.sets.notes,
            *leaked({part: clips.digests for part, clips in parts.items()}, "clips"),
        ]

    @classmethod
    def started(cls, source: ModelFile, options: Mapping[str, Any]) -> dict[str, Any]:
        return {name: options[name] for name in ("fit", "rate") if options[name] is not None}

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        return starting.taken(self.source, self.classes, self.config)

    def build_model(self) -> nn.Module:
        model = VideoClassifier(self.shape, len(self.classes), self.config)
        model.normalise_by(self.sample)
        return model

    @property
    def steps_per_epoch(self) -> float:
        return self.order.per_epoch

    def batch(self, step: int) -> Batch:
        train, options, seed = self.sets.train, self.config.motion, self.config.training.seed
        chosen = self.order[step].tolist()
        most = options.most_frames
        lengths = train.lengths[chosen].clip(max=most)
        draws = uniform(seed, _STRETCH, step, np.arange(len(chosen)))
        begins = np.floor(draws * (train.lengths[chosen] - lengths + 1)).astype(np.int64).tolist()
        ends = (begins + lengths).tolist()
        stretches = list(zip(chosen, begins, ends, strict=True))
        clips = np.concatenate([train[n][a:b] for n, a, b in stretches])
        frames = augmented(clips, options.changes(), self.colour, seed, step, lengths)
        true = [self.true[n][a:b] if train.tracks else self.true[n] for n, a, b in stretches]
        labels = np.concatenate(true) if train.tracks else np.array(true)
        count = max(len(chosen), len(frames) // SINGLES)
        singles = np.floor(uniform(seed, _SINGLES, step, np.arange(count)) * len(frames)).astype(np.int64)
        return Batch(*map(torch.from_numpy, (frames, lengths, labels, singles)))

    def units(self, batch: Batch) -> float:
        return float(batch.lengths.sum())

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, VideoClassifier)
        frames, lengths, labels, singles = (part.to(self.config.training.device) for part in batch)
        answer, logits = self.config.answer, model(frames, lengths)
        own = flattened(logits, lengths) if model.pooling is None else logits
        loss = answer.of(own.float(), labels, self.weights)
        if model.single is not None:  # its parameters are its own: the sum trains both networks separately
            by_frame = labels if model.pooling is None else labels.repeat_interleave(lengths)
            alone = answer.of(model.single(frames[singles]).float(), by_frame[singles], self.weights)
            loss = loss + alone - alone.detach()  # shown is the loss of the model
        return loss, None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        clips = self.sets.parts()[split]
        return measure(self._handle(model), clips).summary() if len(clips) else {}

    def preview(self, model: nn.Module) -> Sequence[Part]:
        shown = self.sets.valid.pick(range(min(PREVIEWED, len(self.sets.valid))))
        answers = self._handle(model).answers(shown)
        if shown.tracks:
            true = truth(shown, self.classes)
            found = [a.probabilities.argmax(1) for a in answers]
            return [compared(f"labels-{n + 1}", shown, n, true[n], found[n], self.classes) for n in range(len(shown))]
        lines = []
        for label, probabilities in zip(shown.labels, (a.probabilities for a in answers), strict=True):
            lines.append(f"true: {label}, predicted: {self.classes[probabilities.argmax()]} {probabilities.max():.0%}")
        return [Text("\n".join(lines))]

    def _handle(self, model: nn.Module) -> TrainedVideo:
        assert isinstance(model, VideoClassifier)
        return TrainedVideo(model, self.classes, self.config, rate=self.sets.train.rate)

    def example_file(self) -> tuple[str, bytes] | None:
        own = self.sets.valid if len(self.sets.valid) else self.sets.train
        return "example.npy", clip_file(np.asarray(own[0]))

    def test_cost(self) -> float:
        own = self.sets.valid if len(self.sets.valid) else self.sets.train
        return float(self.sets.test.lengths.sum() / own.lengths.sum())

    def assets(self) -> dict[str, Any]:
        return {
            "classes": self.classes,
            "shape": list(self.shape),
            "rate": self.sets.train.rate,
            "data": self.fingerprint(),
            "seen": hashes(self.sets.train.digests),
        }

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedVideo:
        return TrainedVideo.from_file(file, config)


def _sample(clips: Clips) -> Pixels:
    """Return some training frames, evenly spaced, of some clips."""
    numbers = np.unique(np.linspace(0, len(clips) - 1, SAMPLED).astype(int)).tolist()
    return np.concatenate([np.array(clips[n][:: max(1, len(clips[n]) // SAMPLED)][:SAMPLED]) for n in numbers])

"""Prediction of frames: the frames of a clip in, the frames that follow out (many-to-many).

    unrolled train frames --data moving-digits
    unrolled predict runs/frames-moving-digits-1 clip.npy --out next

    frames x (B, T, H, W, C) → encoder–forecaster of ConvGRU or ConvLSTM cells → logits z (B, N, H, W, C)
    loss = −Σ y log σ(z) + (1 − y) log(1 − σ(z)) over the pixels of a frame, in mean over frames, y from 0 to 1

The model is in model.py, the conventions of the measures in measures.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...cells import State
from ...data.clips import is_clip
from ...data.counter import uniform
from ...data.frame_sets import NAMES, named, resolved, sized
from ...data.frame_windows import Windows
from ...data.named_data import NamedData
from ...results import Animation, Part, Picture, Report, Text
from ...training.config import update
from ...training.input_options import InputOptions
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.task import Task
from . import description
from .config import FramesConfig
from .drawing import Shown, animation, strips
from .evaluation import Evaluate
from .measures import METRICS
from .model import FramePredictor, frame_loss
from .prediction import Predict
from .trained import TrainedFrames

# B clips, T given frames, N predicted frames, H × W pixels, C channels

PREVIEWED = 3  # clips of a strip
COUNTED = 512  # training windows for the mean frame
_READ = 0x5A3D  # random stream of scheduled sampling
ARRAYS, BEGINNINGS = (".npy", ".npz"), (b"\x93NUMPY", b"PK")  # of NumPy's files, and of a zip of them


class Batch(NamedTuple):
    """Clips, and where the forecaster reads the true frame."""

    frames: Tensor  # (B, T + N, H, W, C), uint8
    chosen: Tensor | None  # (N, B) bool


class FramePrediction(Task):
    """The task ``frames``; see the module."""

    name: ClassVar[str] = "frames"
    Config: ClassVar[type] = FramesConfig
    unit: ClassVar[str] = "clips"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    keeps: ClassVar[tuple[str, ...]] = ("cell", "maps", "kernel_size", "patch", "feedback", "motions")
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    metrics = METRICS
    config: FramesConfig

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": NAMES, "test": NAMES}

    @classmethod
    def named(cls) -> list[NamedData]:
        return named()

    @classmethod
    def likely(cls, path: Path) -> bool:
        if path.suffix.lower() not in ARRAYS:
            return is_clip(path)
        with path.open("rb") as file:
            return file.read(6).startswith(BEGINNINGS)

    def describe(self) -> Report:
        return description.describe(self.config.data)

    def prepare(self) -> list[str]:
        self.config = update(self.config, data=resolved(self.config.data.data))
        data, training = self.config.data, self.config.training
        self.sets = data.read(training.seed, self.progress)
        self.order = self.sets.train.order(integer(training.batch_size), training.seed)
        parts = ", ".join(f"{len(getattr(self.sets, part)):,} {part}" for part in ("train", "valid", "test"))
        return [
            f"{data.data}: {parts} windows of {data.context} + {data.horizon} frames, {sized(self.sets.shape)}",
            *self.sets.how,
            *self.sets.notes,
            *([] if len(self.sets.test) else ["no test clips: the final report has no test metrics"]),
        ]

    def build_model(self) -> nn.Module:
        height, width, channels = self.sets.shape
        model = FramePredictor(channels, self.config.model, (height, width))
        train = self.sets.train
        spread = np.linspace(0, len(train) - 1, min(COUNTED, len(train))).astype(np.int64)
        total = torch.zeros(self.sets.shape, dtype=torch.float64)
        for begin in range(0, len(spread), 32):
            total += torch.from_numpy(train.pick(spread[begin : begin + 32])).double().mean(1).sum(0)
        model.begin_with((total / len(spread) / 255).float())
        return model

    @property
    def steps_per_epoch(self) -> float:
        return len(self.sets.train) / integer(self.config.training.batch_size)

    def batch(self, step: int) -> Batch:
        return Batch(torch.from_numpy(self.sets.train.pick(self.order[step])), self._chosen(step))

    def _chosen(self, step: int) -> Tensor | None:
        """Return where the forecaster reads the true frame; at no step the one of the whole clip that it predicts."""
        steps, training = self.config.answer.sampling_steps, self.config.training
        if step >= steps:
            return None
        shape = self.config.data.horizon, integer(training.batch_size)
        draws = uniform(training.seed, _READ, step, np.arange(shape[0])[:, None], np.arange(shape[1]))
        return torch.from_numpy(draws < 1 - step / steps)

    def units(self, batch: Batch) -> float:
        return float(len(batch.frames))

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        device, context = self.config.training.device, self.config.data.context
        frames = batch.frames.to(device).float() / 255
        given, true = frames[:, :context], frames[:, context:]
        chosen = None if batch.chosen is None else batch.chosen.to(device)
        logits = model(given, true.shape[1], true, chosen)
        return frame_loss(logits.float(), true, self.config.answer.objective), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        windows: Windows = getattr(self.sets, split)
        if not len(windows):
            return {}
        sums, loss = self._handle(model).measure(windows)
        return {"loss": loss, **sums.mean()}

    def preview(self, model: nn.Module) -> Sequence[Part]:
        handle, context = self._handle(model), self.config.data.context
        clips = self.sets.valid.pick(np.arange(min(PREVIEWED, len(self.sets.valid))))
        predicted = handle.predicted(clips[:, :context], clips.shape[1] - context)
        shown = [Shown(c[:context], c[context:], p) for c, p in zip(clips, predicted, strict=True)]
        return [
            Text("the given frames, and the true next frames above the predicted ones"),
            Picture("frames", lambda: strips(shown), "validation clips"),
            Animation("clip", lambda: animation(shown[0]), "the first of them"),
        ]

    def _handle(self, model: nn.Module) -> TrainedFrames:
        assert isinstance(model, FramePredictor)
        return TrainedFrames(model, self.config)

    def test_cost(self) -> float:
        return len(self.sets.test) / max(1, len(self.sets.valid))

    def assets(self) -> dict[str, Any]:
        return {"data": self.fingerprint(), "shape": list(self.sets.shape)}

    def fingerprint(self) -> str:
        return self.sets.digest

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedFrames:
        return TrainedFrames.from_file(file, config)

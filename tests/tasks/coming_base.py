"""What the small tasks share that stand for coming ones: a network that is hardly trained, and how inputs are read.

What they answer follows from simple rules, so that it can be predicted; only `streaming` and `modules` ask the network.
"""

from __future__ import annotations

import base64
import binascii
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import nn

from unrolled.errors import DataError
from unrolled.results import Input
from unrolled.tasks.common.file_inputs import FileInputs
from unrolled.tasks.common.own_parts import OwnParts, evaluated
from unrolled.tasks.common.recurrent import Recurrent, restored
from unrolled.tasks.common.stepwise import Step, Stepwise, state_names
from unrolled.tasks.common.trained import Modules, Trained
from unrolled.training.metrics import ACCURACY, LOSS
from unrolled.training.options import Training
from unrolled.training.task import Task


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data."""

    data: str = "made-up"
    """made-up"""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything about a model and its training."""

    data: Data = field(default_factory=Data)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="gru", hidden_size=4, num_layers=1, dropout=0.0))
    training: Training = field(default_factory=lambda: Training(steps=2, batch_size=2))


class Network(nn.Module):
    """``inputs (T, B, I), state -> (outputs (T, B, O), state)``."""

    def __init__(self, options, inputs, outputs):
        super().__init__()
        self.stack = options.build(inputs)
        self.head = nn.Linear(self.stack.output_size, outputs)

    def forward(self, inputs, state=None):
        y, state = self.stack(inputs, state)
        return self.head(y), state

    def initial_state(self, batch_size):
        return self.stack.initial_state(batch_size)


class Coming(Task):
    """A task whose data are random numbers: ``inputs`` at a step, ``outputs`` after it."""

    Config, Evaluate, unit = Config, OwnParts, "examples"
    metrics, decides = (LOSS, ACCURACY), "accuracy"
    use: ClassVar = {"ask it": "predict", "evaluate it": "evaluate"}
    inputs, outputs = 3, 2
    Opened: ClassVar[type[Trained]]
    steps_per_epoch = 2.0

    def prepare(self):
        return [f"{self.config.data.data}: 4 examples"]

    def build_model(self):
        return Network(self.config.model, self.inputs, self.outputs)

    def batch(self, step):
        return torch.randn(5, 2, self.inputs, generator=torch.Generator().manual_seed(step))

    def units(self, batch):
        return 2.0

    def loss(self, model, batch, carry):
        return model(batch)[0].square().mean(), None

    @torch.no_grad()
    def evaluate(self, model, split):
        y = model(self.batch(1000 + len(split)))[0]
        return {"loss": y.square().mean().item(), self.decides: (y > 0).float().mean().item()}

    def preview(self, model):
        return f"what the task {self.name} does"

    def fingerprint(self):
        return self.config.data.data

    @classmethod
    def open(cls, file, config):
        model = restored(file, config.model, lambda: Network(config.model, cls.inputs, cls.outputs))
        return cls.Opened(model, config, file.assets["data"])


class ComingTrained(Trained):
    """A trained model that is evaluated as nothing else is to be said of it, and that answers at every step."""

    of: ClassVar[type[Task]]

    def evaluation(self, options, progress=None):
        return evaluated(self.of, self, options)

    def streaming(self, lanes=1):
        return Stepwise(self.model, lanes)

    def modules(self):
        return Modules(self.model, Step(self.model), state_names(self.model.stack), (("inputs",), ("outputs",)), {})


@dataclass(frozen=True, kw_only=True)
class AskedPictures(FileInputs):
    """The pictures."""

    most_pixels: int = 1_000_000
    """larger pictures are refused"""
    endings: ClassVar[tuple[str, ...]] = (".png", ".json")


def brightness(source: Input, most: int) -> np.ndarray:
    """The pixels (H, W), from 0 to 1, of a picture: a file, or JSON with the file in base64 under ``png``.

    Nothing is decoded before the file's header says that the picture is small enough.
    """
    data = source.data() if isinstance(source.content, bytes) else b""
    if not data and (isinstance(source.content, dict) or source.title.endswith(".json")):
        try:
            data = base64.b64decode(source.json()["png"], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise DataError(f"{source.title} has no picture in base64 under png; send one") from error
    try:
        with Image.open(io.BytesIO(data or source.data()), formats=["PNG"]) as picture:
            width, height = picture.size
            if width * height <= most:
                return np.asarray(picture.convert("L"), np.float32) / 255
    except Image.DecompressionBombError as error:
        raise DataError(f"{source.title} is larger than the {most:,} pixels that are read; make it smaller") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{source.title} is no PNG file ({error}); convert it") from error
    raise DataError(f"{source.title} has {width} × {height} pixels, more than the {most:,} that are read")


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of pixels (H, W) from 0 to 1."""
    Image.fromarray((np.asarray(pixels) * 255).round().astype(np.uint8)).save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def arriving(size: int, name: str) -> Iterator[list[Input]]:
    """Standard input, ``size`` bytes at a time, each as soon as it is there; ``name`` is formatted with its number."""
    number = 0
    while block := sys.stdin.buffer.read(size):
        if len(block) < size:
            raise DataError(f"standard input ends after {len(block)} of {size} bytes; send whole ones")
        yield [Input(block, name.format(number))]
        number += 1

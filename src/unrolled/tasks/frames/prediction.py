"""``unrolled predict`` for the task ``frames``: the frames that follow a clip, as GIF, strip and NumPy file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ...cells import check_size
from ...data.clip_files import frame_files
from ...data.clips import is_clip
from ...data.pictures import Pixels
from ...errors import ArgumentError
from ...results import Animation, Input, Picture, Prediction
from ..common.file_inputs import FileInputs
from ..common.prediction import readable
from .drawing import Shown, animation, strips

if TYPE_CHECKING:
    from .trained import TrainedFrames


@dataclass(frozen=True, kw_only=True)
class Predict(FileInputs):
    """The clips, and how many frames to predict."""

    input_name: ClassVar[str] = "clip"
    horizon: int | None = None
    """frames to predict (default: as in training)"""
    at: int | None = None
    """predict the frames after this one, counted from 1 (default: after the last)"""

    def is_one(self, folder: Path) -> bool:
        return bool(frame_files(folder))

    def _accepts(self, path: Path) -> bool:
        return path.is_file() and is_clip(path)

    def __post_init__(self) -> None:
        for name in ("horizon", "at"):
            if getattr(self, name) is not None:
                check_size(name, getattr(self, name))


@dataclass(frozen=True)
class Array:
    """Predicted frames as a NumPy file, ``(N, H, W, C)``."""

    name: str
    frames: Pixels
    kind: ClassVar[str] = "array"

    def plain(self) -> str:
        return f"{len(self.frames)} predicted frames (array)"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "shape": list(self.frames.shape)}

    def files(self) -> dict[str, bytes]:
        np.save(out := io.BytesIO(), self.frames, allow_pickle=False)
        return {f"{self.name}.npy": out.getvalue()}


class Window(NamedTuple):
    """The given frames ``(T, H, W, C)`` of a clip, the true next ones if they are known, and the number of the last
    given frame, counted from 1."""

    given: Pixels
    true: Pixels | None
    end: int


def predictions(model: TrainedFrames, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a clip, or is too short; the predictions before it have been yielded.
    """
    steps, context = options.horizon or model.config.data.horizon, model.config.data.context
    if options.at is not None and options.at < context:
        raise ArgumentError("at", f"at least {context}, the frames that the model reads", options.at)
    for chunk in inputs:
        windows, error = readable(chunk, lambda clip: model.window(clip, clip.title, options.at, steps))
        if windows:
            predicted = model.predicted(np.stack([window.given for window in windows]), steps)
            for clip, window, frames in zip(chunk, windows, predicted, strict=False):
                yield _prediction(clip.title, window, frames)
        if error is not None:
            raise error


def _prediction(title: str, window: Window, predicted: Pixels) -> Prediction:
    steps, after, name = len(predicted), window.end, Path(title).name
    clip = Shown(window.given, window.true, predicted, after - len(window.given) + 1)
    line = f"{name}: frames {after + 1} to {after + steps}"
    parts = (
        Animation("frames", lambda: animation(clip), f"{line} predicted"),
        Picture("strip", lambda: strips([clip]), f"{line} predicted"),
        Array("predicted", predicted),
    )
    more = {"first": after + 1, "frames": steps}
    return Prediction(title, lines=(line,), parts=parts, more=more)

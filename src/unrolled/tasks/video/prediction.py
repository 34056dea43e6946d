"""``unrolled predict`` for the task ``video``: the class of each clip or the labels of its frames, drawn over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...data.clip_files import frame_files
from ...data.clips import is_clip
from ...errors import ArgumentError
from ...results import Input, Picture, Prediction, Spans
from ..common.class_measures import Matrix
from ..common.file_inputs import FileInputs
from ..common.ranked import Ranked, answered
from .drawing import evidence, tracks
from .pipe import PIPE, piped
from .reading import Clip
from .segments import segments

if TYPE_CHECKING:
    from .trained import TrainedVideo

POINTS = 48  # points of time of the curve
NUMBERS = 1 << 24  # in the vectors of all points


@dataclass(frozen=True, kw_only=True)
class Predict(FileInputs, Ranked):
    """The clips to classify, and the answers."""

    input_name: ClassVar[str] = "clip"
    endings: ClassVar[tuple[str, ...]] = ("video",)
    raw: tuple[int, ...] | None = None
    """-: raw frames of this height, width and optionally channels (default: Y4M)"""
    raw_rate: float | None = None
    """-: frames per second of raw frames (default: those of the training clips)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.raw is not None and (len(self.raw) not in (2, 3) or min(self.raw) < 1):
            expected = "height and width in pixels, and optionally 1 (grey) or 3 (RGB)"
            raise ArgumentError("raw", expected, " ".join(map(str, self.raw)))
        if self.raw_rate is not None and (self.raw is None or not 0 < self.raw_rate <= 1000):
            raise ArgumentError("raw_rate", "frames per second above 0, at most 1000, with --raw", self.raw_rate)

    def is_one(self, folder: Path) -> bool:
        """Return whether a folder is a clip: it has frames and no folders."""
        try:
            return bool(frame_files(folder))
        except OSError:
            return False

    def _accepts(self, path: Path) -> bool:
        return path.is_file() and is_clip(path)

    def _inputs(self, words: Sequence[str]) -> Iterator[Input]:
        for word in words:
            if word == "-":
                yield Input(PIPE, "standard input")  # read frame by frame in `predictions`
            else:
                yield from super()._inputs([word])


def predictions(model: TrainedVideo, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a video; the predictions before it have been yielded.
    """
    options.check(model.classes)
    for chunk in inputs:
        for given in chunk:
            for found in piped(model, options) if given.content == PIPE else (_read(model, given),):
                yield found if model.by_frame else answered(found, options)


def _read(model: TrainedVideo, given: Input) -> Prediction:
    return predicted(model, model.read(given, given.title))


def predicted(model: TrainedVideo, clip: Clip) -> Prediction:
    """Return the prediction for a clip, with a drawing over time."""
    return _of_frames(model, clip) if model.by_frame else _of_clip(model, clip)


def _of_clip(model: TrainedVideo, clip: Clip) -> Prediction:
    ends, shares = evidence_of(model, clip.vectors)
    found = dict(zip(model.classes, shares[-1].tolist(), strict=True))
    answer = max(found, key=found.__getitem__)
    title = f"{Path(clip.name).name}: {answer} {found[answer]:.0%}"
    drawn = Picture(
        "evidence",
        lambda: evidence(clip.shown, ends, shares, model.classes, clip.rate, title),
        f"{title}; probabilities if the clip ended earlier",
    )
    return Prediction(clip.name, answer, found, parts=(drawn,), more={"frames": ends[-1], "rate": clip.rate})


@torch.no_grad()
def evidence_of(model: TrainedVideo, vectors: Tensor) -> tuple[list[int], Matrix]:
    """Return some numbers of frames, the last is that of all, and the probabilities if the clip ended there.

    Args:
        model: the classifier.
        vectors: of the frames, ``(T, E)``.
    """
    T, width = vectors.shape
    points = max(1, min(POINTS, T, NUMBERS // (T * width)))
    ends = np.unique(np.linspace(T / points, T, points).round().astype(np.int64))
    lengths = torch.from_numpy(ends).to(vectors.device)
    logits = model.model.answer(vectors[:, None].expand(T, len(ends), width), lengths)
    return ends.tolist(), logits.double().softmax(1).cpu().numpy()


@torch.no_grad()
def _of_frames(model: TrainedVideo, clip: Clip) -> Prediction:
    vectors = clip.vectors
    logits = model.model.answer(vectors[:, None], torch.tensor([len(vectors)], device=vectors.device))
    shares = logits[:, 0].double().softmax(1).cpu().numpy()
    labels = shares.argmax(1)
    found: list[dict[str, Any]] = [
        {
            "begin": part.begin,
            "end": part.end,
            "label": model.classes[part.label],
            "probability": float(shares[part.begin : part.end, part.label].mean()),
        }
        for part in segments(labels)
    ]
    lines = [f"{time_of(part['begin'], clip.rate)}  {part['label']} {part['probability']:.0%}" for part in found]
    title = f"{Path(clip.name).name}: the labels of {len(labels):,} frames"
    drawn = Picture(
        "track", lambda: tracks(clip.shown, [("predicted", labels)], model.classes, clip.rate, title), title
    )
    spans = [(part["begin"] / (clip.rate or 1), part["end"] / (clip.rate or 1), part["label"]) for part in found]
    parts = (drawn, Spans("labels", spans)) if clip.rate else (drawn,)
    more = {"frames": len(labels), "rate": clip.rate, "segments": found}
    return Prediction(clip.name, lines=(clip.name, *lines), parts=parts, more=more)


def time_of(frame: int, rate: float) -> str:
    """Return when a frame begins, as text."""
    return f"{frame / rate:8.2f} s" if rate else f"frame {frame + 1:,}"

"""``unrolled predict`` for the task ``video``: the class of each clip or the labels of its frames, drawn over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ...data.pictures import Pixels
from ...errors import ArgumentError
from ...results import Input, Picture, Prediction, Spans
from ..common.class_measures import Matrix
from ..common.file_inputs import FileInputs
from ..common.ranked import Ranked, answered
from .drawing import evidence, tracks
from .segments import segments

if TYPE_CHECKING:
    from .trained import TrainedVideo

POINTS = 48  # points of time of the curve
NUMBERS = 1 << 24  # in the vectors of all points


class Clip(NamedTuple):
    """A clip to predict: its name, its frames ``(T, …)``, its frames as pixels, and frames per second (0: unknown)."""

    name: str
    frames: npt.NDArray[Any]
    pixels: Pixels
    rate: float


def predicted(model: TrainedVideo, clip: Clip) -> Prediction:
    """Return the prediction for a clip, with a drawing over time."""
    if not len(clip.frames):
        raise ArgumentError("clips", "clips of at least one frame", clip.name)
    return _of_frames(model, clip) if model.by_frame else _of_clip(model, clip)


def _of_clip(model: TrainedVideo, clip: Clip) -> Prediction:
    ends, shares = evidence_of(model, clip.frames)
    found = dict(zip(model.classes, shares[-1].tolist(), strict=True))
    answer = max(found, key=found.__getitem__)
    title = f"{Path(clip.name).name}: {answer} {found[answer]:.0%}"
    drawn = Picture(
        "evidence",
        lambda: evidence(clip.pixels, ends, shares, model.classes, clip.rate, title),
        f"{title}; probabilities if the clip ended earlier",
    )
    return Prediction(clip.name, answer, found, parts=(drawn,), more={"frames": len(clip.frames), "rate": clip.rate})


@torch.no_grad()
def evidence_of(model: TrainedVideo, frames: npt.NDArray[Any]) -> tuple[list[int], Matrix]:
    """Return some numbers of frames, the last is that of all, and the probabilities if the clip ended there."""
    e, _ = model.encoded(frames)
    T, width = e.shape
    points = max(1, min(POINTS, T, NUMBERS // (T * width)))
    ends = np.unique(np.linspace(T / points, T, points).round().astype(np.int64))
    lengths = torch.from_numpy(ends).to(e.device)
    logits = model.model.answer(e[:, None].expand(T, len(ends), width), lengths)
    return ends.tolist(), logits.double().softmax(1).cpu().numpy()


@torch.no_grad()
def _of_frames(model: TrainedVideo, clip: Clip) -> Prediction:
    e, _ = model.encoded(clip.frames)
    logits = model.model.answer(e[:, None], torch.tensor([len(e)], device=e.device))
    shares = logits[:, 0].double().softmax(1).cpu().numpy()
    labels = shares.argmax(1)
    found = [(part, float(shares[part.begin : part.end, part.label].mean())) for part in segments(labels)]
    unit = clip.rate or 1.0
    spans = Spans("labels", [(part.begin / unit, part.end / unit, model.classes[part.label]) for part, _ in found])
    lines = [f"{_time(part.begin, clip.rate)} {model.classes[part.label]} {sure:.0%}" for part, sure in found]
    title = f"{Path(clip.name).name}: labels of {len(labels):,} frames"
    drawn = Picture(
        "track",
        lambda: tracks(clip.pixels, [("predicted", labels)], model.classes, clip.rate, title),
        title,
    )
    more = {
        "frames": len(labels),
        "rate": clip.rate,
        "segments": [
            {"begin": part.begin, "end": part.end, "label": model.classes[part.label], "probability": sure}
            for part, sure in found
        ],
    }
    return Prediction(clip.name, lines=(clip.name, *lines), parts=(drawn, *((spans,) if clip.rate else ())), more=more)


def _time(frame: int, rate: float) -> str:
    return f"{frame / rate:8.2f} s " if rate else f"{frame:8,} "


@dataclass(frozen=True, kw_only=True)
class Predict(FileInputs, Ranked):
    """The clips to classify, and the answers."""

    input_name: ClassVar[str] = "clip"


def predictions(model: TrainedVideo, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction]:
    """See `Trained.predictions`.

    Raises:
        ArgumentError: the options do not fit the model.
        DataError: an input is not a video; the predictions before it have been yielded.
    """
    options.check(model.classes)
    for chunk in inputs:
        for given in chunk:
            found = predicted(model, model.read(given.content, given.title))
            yield found if model.by_frame else answered(found, options)

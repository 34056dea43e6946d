"""``unrolled evaluate`` for the task ``frames``: the measures beside simple predictions, by frame, and examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from ...cells import check_size
from ...data.frame_sets import read_test, sized
from ...data.frame_windows import Windows
from ...errors import ArgumentError, DataError
from ...results import Animation, Pairs, Picture, Progress, Report, Series, Table
from .drawing import Shown, animation, strips
from .measures import METRICS, NAMES, Sums

if TYPE_CHECKING:
    from .trained import TrainedFrames

SHOWN = 4  # clips of a strip
LABELS = {"mse": "MSE", "nats": "nats", "ssim": "SSIM", "mae": "MAE", "psnr": "PSNR in dB"}
UNDEFINED = ("zeros", "last frame")  # predictions of exactly 0 or 1, whose cross-entropy is infinite


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """The clips to evaluate on."""

    data: str | None = None
    """other clips: a file, or a name"""
    split: Literal["valid", "test", "train"] | None = None
    """split of the run's own data (default: test)"""
    count: int | None = None
    """number of windows (default: all, or those of the part)"""

    def __post_init__(self) -> None:
        if self.count is not None:
            check_size("count", self.count)
        if self.data is not None and self.split is not None:
            raise ArgumentError("split", "omitted with --data, which is evaluated whole", self.split)

    @property
    def part(self) -> str:
        """The split of the run's own data."""
        return self.split or "test"


def evaluation(model: TrainedFrames, options: Evaluate, progress: Progress) -> Report:
    """See `Trained.evaluation`.

    Raises:
        DataError: there are no clips, or their frames have another size.
    """
    windows, how = _windows(model, options, progress)
    name = options.data or f"{model.config.data.data}, {options.part}"
    count = options.count or len(windows)
    if not windows.endless:
        count = min(count, len(windows))
    with progress(count, "clips") as done:
        sums, loss = model.measure(windows, done, count)
    simple = baselines(model, windows, count)
    mean = sums.mean()
    data = model.config.data
    rows = [_row("model", mean, True)]
    rows += [_row(what, found.mean(), what not in UNDEFINED) for what, found in simple.items()]
    values = {
        "data": name,
        "clips": count,
        "loss": loss,
        **mean,
        "baselines": {what: found.mean() for what, found in simple.items()},
        "by_frame": sums.by_frame(),
    }
    table = Table("measures", ("prediction", *LABELS.values()), rows, right=tuple(LABELS.values()))
    frames = range(data.context + 1, data.context + data.horizon + 1)
    curves = {LABELS[measure]: sums.by_frame()[measure] for measure in NAMES}
    about = Pairs(
        [
            ("data", name),
            ("clips", f"{count:,}, {data.context} frames given, {data.horizon} predicted"),
            ("measures", "MSE, MAE and nats: sum over the pixels of a frame, in mean over frames"),
        ]
    )
    return Report(values, (about, table, Series("by-frame", frames, curves), *_examples(model, windows, count)), how)


def baselines(model: TrainedFrames, windows: Windows, count: int) -> dict[str, Sums]:
    """Return the measures of zeros, the mean training frame, and the last given frame."""
    context, horizon = model.config.data.context, model.config.data.horizon
    sums = {name: Sums(horizon) for name in ("zeros", "mean image", "last frame")}
    mean = model.model.mean_frame.cpu()
    for begin in range(0, count, 32):
        clips = torch.from_numpy(windows.pick(np.arange(begin, min(begin + 32, count)))).float() / 255
        true, last = clips[:, context:], clips[:, context - 1 : context]
        guesses: tuple[Tensor, ...] = (torch.zeros_like(true), mean.expand_as(true), last.expand_as(true))
        for found, guess in zip(sums.values(), guesses, strict=True):
            found.add(true, guess)
    return sums


def _windows(model: TrainedFrames, options: Evaluate, progress: Progress) -> tuple[Windows, tuple[str, ...]]:
    """Return the windows to evaluate on, and how they were read."""
    if options.data is None:
        sets = model.own_sets()
        windows: Windows = getattr(sets, options.part)
        if not len(windows):
            raise DataError(f"there are no {options.part} clips; choose another --split, or clips with --data")
        return windows, ()
    layout = model.config.data.layout()
    size = replace(layout.decoding, size=model.shape[:2], channels=model.shape[2])
    windows, shape, _, how = read_test(options.data, replace(layout, decoding=size), progress)
    if shape != model.shape:
        raise DataError(
            f"{options.data} has frames of {sized(shape)}, not of {sized(model.shape)} as in training; convert them"
        )
    return windows, tuple(how)


def _row(name: str, mean: dict[str, float], is_defined: bool) -> tuple[str, ...]:
    formats = {metric.name: metric.format for metric in METRICS}
    return name, *(
        "-" if measure == "nats" and not is_defined else f"{mean[measure]:{formats[measure]}}" for measure in LABELS
    )


def _examples(model: TrainedFrames, windows: Windows, count: int) -> tuple[Picture, Animation]:
    """Return a strip of the first clips, and the first as an animation."""
    context, horizon = model.config.data.context, model.config.data.horizon
    clips = windows.pick(np.arange(min(SHOWN, count)))
    predicted = model.predicted(clips[:, :context], horizon)
    shown = [Shown(clip[:context], clip[context:], guess) for clip, guess in zip(clips, predicted, strict=True)]
    return (
        Picture("strip", lambda: strips(shown), f"the first {len(shown)} clips, true frames above the predicted ones"),
        Animation("clip", lambda: animation(shown[0]), "the first of them"),
    )

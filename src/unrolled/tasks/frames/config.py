"""The options of the task ``frames``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_size
from ...data.clip_arrays import Order
from ...data.frame_sets import NAMES, FrameLayout, FrameSets, open_frames
from ...data.sets import check_fractions
from ...errors import ArgumentError
from ...results import Progress, silent
from ...training.config import refuse_changed
from ...training.options import Training
from ...training.start_options import Start
from ..common.clip_options import ClipOptions

DECODING = ("size", "channels", "fit", "rate", "damaged")
MOST_SCALES, WIDEST, MOST_FRAMES, LARGEST_PATCH, MOST_MOTIONS = 6, 2048, 10_000, 32, 64


@dataclass(frozen=True, kw_only=True)
class Frames(ClipOptions):
    """The clips, and how many frames are given and predicted."""

    data: str = "moving-digits"
    """clips: a video, GIF, .npy or .npz file, a folder of them or of frames, or a name"""
    test: str | None = None
    """test clips in the same format (default: a part of --data)"""
    context: int = 10
    """given frames"""
    horizon: int = 10
    """frames to predict"""
    digits: int = 2
    """generated data: digits of a frame"""
    order: Order = "auto"
    """axes of an array: clips-first (N, T, …), time-first (T, N, …); auto: time-first if that
    axis is the shorter one and has enough frames"""
    fractions: tuple[float, float, float] | None = None
    """random split of the clips into training, validation and test set (default: 0.8 0.1 0.1)"""
    loss_unit = "per frame"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("context", "horizon", "digits"):
            check_size(name, getattr(self, name))
        if self.context + self.horizon > MOST_FRAMES:
            raise ArgumentError("horizon", f"at most {MOST_FRAMES:,} frames with the context", self.horizon)
        if self.digits > 10:
            raise ArgumentError("digits", "at most 10", self.digits)
        check_fractions(self.fractions)
        if self.data in NAMES:
            refuse_changed(self, (*DECODING, "fractions"), f"with --data {self.data}, which does not use it")
        else:
            refuse_changed(self, ("digits",), f"with --data {self.data}, which does not use it")

    def layout(self) -> FrameLayout:
        """Return how frames are read."""
        return FrameLayout(
            frames=self.context + self.horizon,
            digits=self.digits,
            order=self.order,
            fractions=self.fractions,
            decoding=self.decoding(),
        )

    def read(self, seed: int, progress: Progress = silent) -> FrameSets:
        """Read the training, validation and test windows; ``seed`` is that of generated training windows."""
        return open_frames(self.data, self.layout(), self.test, seed, progress)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The encoder–forecaster (Shi et al. 2015)."""

    cell: Literal["convgru", "convlstm"] = "convgru"
    """recurrent cell"""
    maps: tuple[int, ...] = (32, 64)
    """feature maps of each scale, fine to coarse; a scale has half the height and width of the one before"""
    kernel_size: int = 3
    """side of the kernels of inputs and states, odd"""
    patch: int = 4
    """pixels of a side of the patches that a frame is cut into; a place of the finest maps is a patch"""
    feedback: bool = False
    """the forecaster reads the frame that it predicted before"""
    motions: int = 0
    """copies of that frame, moved by filters that the network computes, for the output layer; 0: none"""

    def __post_init__(self) -> None:
        for name in ("kernel_size", "patch"):
            check_size(name, getattr(self, name))
        if not 1 <= len(self.maps) <= MOST_SCALES or not all(1 <= count <= WIDEST for count in self.maps):
            expected = f"1 to {MOST_SCALES} numbers from 1 to {WIDEST:,}, one for each scale"
            raise ArgumentError("maps", expected, " ".join(map(str, self.maps)))
        check_size("motions", self.motions, least=0)
        if self.motions > MOST_MOTIONS or (self.motions and not self.feedback):
            expected = f"at most {MOST_MOTIONS}, and 0 without --feedback"
            raise ArgumentError("motions", expected, self.motions)
        if self.kernel_size % 2 == 0 or self.kernel_size > 15:
            raise ArgumentError("kernel_size", "odd and at most 15", self.kernel_size)
        if self.patch > LARGEST_PATCH:
            raise ArgumentError("patch", f"at most {LARGEST_PATCH} pixels", self.patch)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """The loss."""

    objective: Literal["cross-entropy", "mse", "both"] = "cross-entropy"
    """loss of a frame, in sum over its pixels: binary cross-entropy, squared error, or their sum"""
    sampling_steps: int = 0
    """scheduled sampling (Bengio et al. 2015): steps over which the true frames that the forecaster reads are replaced
    by its own; 0: its own from the beginning"""

    def __post_init__(self) -> None:
        check_size("sampling_steps", self.sampling_steps, least=0)


@dataclass(frozen=True, kw_only=True)
class FramesConfig:
    """Configuration of a predictor of frames and its training."""

    data: Frames = field(default_factory=Frames)
    model: Network = field(default_factory=Network)
    answer: Objective = field(default_factory=Objective)
    training: Training = field(
        default_factory=lambda: Training(time="10m", batch_size=8, lr=2e-3, precision="bf16", weight_decay=0.0)
    )
    start: Start = field(default_factory=Start)

    def __post_init__(self) -> None:
        if self.answer.sampling_steps and not self.model.feedback:
            raise ArgumentError("sampling_steps", "0 without --feedback", self.answer.sampling_steps)

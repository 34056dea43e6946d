"""The options of the task ``video``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ...cells import check_size
from ...data.augmentation import Changes
from ...data.clip_sets import ClipLayout, Labels, open_clips, read_clips
from ...data.folds import check_folds
from ...data.frame_labels import BACKGROUND
from ...data.labelled_clips import Clips, ClipSets
from ...data.sets import check_fractions
from ...errors import ArgumentError
from ...layers.pooling import Kind as Pooled
from ...results import Progress, silent
from ...training.config import refuse_changed
from ...training.options import Training
from ...training.start_options import StartClasses
from ..common.classes import ClassLoss
from ..common.clip_options import ClipOptions
from ..common.convolution_options import check_convolutions
from ..common.recurrent import Recurrent
from . import sources


@dataclass(frozen=True, kw_only=True)
class LabelledVideos(ClipOptions):
    """The labelled clips and how they are read."""

    data: str = "generated"
    """labelled clips: a folder per class, a table of paths or intervals, or a name"""
    labels: Labels = "clip"
    """clip: a class for each clip; frame: a label for each frame"""
    test: str | None = None
    """test set in the same format (default: a part of --data)"""
    only: tuple[str, ...] = ()
    """--labels clip: only the clips, or intervals of clips, with these labels"""
    time_unit: Literal["seconds", "frames"] | None = None
    """unit of the times in a table of intervals (default: by its columns)"""
    background: str = BACKGROUND
    """--labels frame: the label of frames without one"""
    fractions: tuple[float, float, float] | None = None
    """random split into training, validation and test set (default: 0.8 0.1 0.1)"""
    folds: int = 0
    """number of folds for cross-validation; 0: off"""
    fold: int | None = None
    """train only on this fold, counted from 0 (default: every fold)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_folds(self.folds, self.fold, self.test)
        if self.only and self.labels == "frame":
            raise ArgumentError("only", "omitted with --labels frame, where every frame has a label", list(self.only))
        check_fractions(self.fractions)

    def layout(self) -> ClipLayout:
        """Return how clips are read."""
        return replace(
            self.decoding(), labels=self.labels, only=self.only, unit=self.time_unit, background=self.background
        )

    def read(self, progress: Progress = silent) -> ClipSets:
        """Read the training, validation and test sets."""
        if self.data in sources.NAMES:
            return sources.named(self.data, self.labels)
        return open_clips(
            self.data, self.layout(), self.fractions, self.test, self.folds, self.fold or 0, progress=progress
        )

    def read_test(self, data: str) -> tuple[Clips, list[str]]:
        """Read other clips to evaluate on, and notes."""
        if data in sources.NAMES:
            return sources.named(data, self.labels).test, []
        return read_clips(data, self.layout())


@dataclass(frozen=True, kw_only=True)
class FrameNetwork:
    """The network that reads the frames."""

    maps: tuple[int, ...] = (16, 32, 64)
    """feature maps of each block; a block ends with 2 × 2 max-pooling"""
    depth: int = 1
    """convolutions of a block"""
    kernel_size: int = 3
    """width of the filters, odd"""
    encoder_size: int = 128
    """width of the vector of a frame"""
    differences: bool = True
    """also read the change of each frame since the one before it"""

    def __post_init__(self) -> None:
        for name in ("depth", "kernel_size", "encoder_size"):
            check_size(name, getattr(self, name))
        check_convolutions(self.maps, self.depth, self.kernel_size)


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Random changes of the training clips, the same in all frames of a clip."""

    shift: int | None = None
    """move by up to this many pixels (default: a 16th of the shorter side)"""
    flip: bool = False
    """mirror left and right, which also mirrors the directions of motion"""
    crop: float = 1.0
    """cut out at least this fraction of the area, and enlarge it"""
    rotate: float = 0.0
    """turn by up to this many degrees"""
    cutout: int = 0
    """cover a square of this many pixels"""
    most_frames: int = 128
    """frames of a clip per step: of longer clips a random stretch"""

    def __post_init__(self) -> None:
        check_size("most_frames", self.most_frames)
        self.changes()

    def changes(self) -> Changes:
        """Return the changes; the shift is none if it is not given."""
        return Changes(self.shift or 0, self.flip, self.crop, self.rotate, self.cutout)


@dataclass(frozen=True, kw_only=True)
class Answer(ClassLoss):
    """The answer on top of the recurrent layers, and its loss."""

    bidirectional: bool = True
    """read a clip in both directions; without it, answers come frame by frame"""
    pooling: Pooled = "mean"
    """--labels clip: one vector per clip: last, mean, max, attention, or concat (last, max, mean)"""
    single_frame: bool = True
    """also train the same network on single frames, as a baseline"""


@dataclass(frozen=True, kw_only=True)
class VideoConfig:
    """Configuration of a video classifier and its training."""

    data: LabelledVideos = field(default_factory=LabelledVideos)
    frames: FrameNetwork = field(default_factory=FrameNetwork)
    motion: Motion = field(default_factory=Motion)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="gru", hidden_size=128, num_layers=1, dropout=0.1))
    answer: Answer = field(default_factory=Answer)
    training: Training = field(
        default_factory=lambda: Training(epochs=10, min_steps=600, batch_size=16, precision="bf16")
    )
    start: StartClasses = field(default_factory=StartClasses)

    def __post_init__(self) -> None:
        if self.data.labels == "frame":
            refuse_changed(self.answer, ("pooling",), "with --labels frame, where every frame has a label")

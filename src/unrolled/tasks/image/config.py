"""The options of the task ``image``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_rate, check_size
from ...data.augmentation import Changes
from ...data.dialect import check_delimiter
from ...data.folds import check_folds
from ...data.labelled_pictures import Pictures
from ...data.picture_files import TableLayout
from ...data.picture_sets import LEAST_SIZE, PictureLayout, PictureSets, open_pictures, read_test
from ...data.pictures import Fit
from ...data.sets import check_fractions
from ...errors import ArgumentError
from ...training.options import Training
from ...training.start_options import StartClasses
from ..common.classes import ClassLoss
from ..common.convolution_options import check_convolutions

LARGEST = 1024  # pixels of a side
OF_FILES = ("path_column", "label_column", "header", "delimiter", "encoding")
"""The options of the format of a table."""


@dataclass(frozen=True, kw_only=True)
class LabelledPictures:
    """The labelled pictures and how they are read."""

    data: str = "generated"
    """labelled pictures: a folder per class, table of paths, idx, CIFAR, or a name"""
    test: str | None = None
    """test set in the same format (default: a part of --data)"""
    path_column: str | None = None
    """column (or key) of the paths in a table; its number with --no-header"""
    label_column: str | None = None
    """column (or key) of the labels in a table"""
    header: bool = True
    """the first row of a table contains the column names"""
    delimiter: str = "auto"
    """column separator of a table: one character, or tab (default: detect)"""
    encoding: str = "auto"
    """encoding of a table (auto: UTF-8, or Windows-1252 if it looks like it)"""
    size: int | None = None
    """pixels of a side (default: that of the pictures if it is one of at most 96, else 64)"""
    channels: int | None = None
    """1: grey, 3: RGB (default: 1 if all pictures are grey)"""
    fit: Fit = "crop"
    """fit other aspect ratios: crop the middle, pad with white, or stretch"""
    damaged: Literal["error", "skip"] = "error"
    """pictures that cannot be read: an error, or skip"""
    fractions: tuple[float, float, float] | None = None
    """random split into training, validation and test set (default: 0.8 0.1 0.1)"""
    folds: int = 0
    """number of folds for cross-validation, stratified by class; 0: off"""
    fold: int | None = None
    """train only on this fold, counted from 0 (default: every fold)"""

    def __post_init__(self) -> None:
        check_delimiter(self.delimiter)
        check_folds(self.folds, self.fold, self.test)
        if self.size is not None and not LEAST_SIZE <= self.size <= LARGEST:
            raise ArgumentError("size", f"from {LEAST_SIZE} to {LARGEST} pixels", self.size)
        if self.channels not in (None, 1, 3):
            raise ArgumentError("channels", "1 (grey) or 3 (RGB)", self.channels)
        check_fractions(self.fractions)

    def layout(self) -> PictureLayout:
        """Return how pictures are read."""
        return PictureLayout(
            table=TableLayout(self.path_column, self.label_column, self.header, self.delimiter, self.encoding),
            size=self.size,
            channels=self.channels,
            fit=self.fit,
            skip=self.damaged == "skip",
        )

    def read(self) -> PictureSets:
        """Read the training, validation and test sets."""
        return open_pictures(self.data, self.layout(), self.fractions, self.test, self.folds, self.fold or 0)

    def read_test(self, data: str) -> tuple[Pictures, list[str]]:
        """Read other pictures to evaluate on, and notes."""
        return read_test(data, self.layout())


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of the training pictures; the defaults depend on the data."""

    shift: int | None = None
    """move by up to this many pixels (default: a 16th of the side; photographs: an eighth)"""
    flip: bool | None = None
    """mirror left and right (default: photographs and drawings in colour)"""
    crop: float | None = None
    """cut out at least this fraction of the area, and enlarge it (default: 1, whole pictures)"""
    rotate: float | None = None
    """turn by up to this many degrees (default: grey pictures 10, else 0)"""
    cutout: int | None = None
    """cover a square of this many pixels (default: photographs a quarter of the side, else 0)"""

    def __post_init__(self) -> None:
        self.changes()

    def changes(self) -> Changes:
        """Return the changes; those that are not given are none."""
        names = ("shift", "flip", "crop", "rotate", "cutout")
        return Changes(**{name: value for name in names if (value := getattr(self, name)) is not None})


@dataclass(frozen=True, kw_only=True)
class Network:
    """The convolutional network."""

    maps: tuple[int, ...] = (32, 64, 128)
    """feature maps of each block; a block ends with 2 × 2 max-pooling"""
    depth: int = 2
    """convolutions of a block"""
    kernel_size: int = 3
    """width of the filters, odd"""
    residual: bool = False
    """residual connections around the convolutions of a block but its first"""
    norm: bool = True
    """batch normalisation (Ioffe and Szegedy 2015)"""
    pooling: Literal["mean", "max"] = "mean"
    """one vector per picture: mean or maximum over the places of the last feature maps"""
    dropout: float = 0.1
    """dropout before the output layer"""

    def __post_init__(self) -> None:
        for name in ("depth", "kernel_size"):
            check_size(name, getattr(self, name))
        check_rate("dropout", self.dropout)
        check_convolutions(self.maps, self.depth, self.kernel_size)


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """Configuration of an image classifier and its training."""

    data: LabelledPictures = field(default_factory=LabelledPictures)
    augmentation: Augmentation = field(default_factory=Augmentation)
    model: Network = field(default_factory=Network)
    answer: ClassLoss = field(default_factory=ClassLoss)
    training: Training = field(
        default_factory=lambda: Training(epochs=20, min_steps=600, batch_size=64, precision="bf16")
    )
    start: StartClasses = field(default_factory=StartClasses)

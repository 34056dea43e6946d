"""The options of the task ``ocr``."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from ...data.dialect import check_delimiter
from ...data.folds import check_folds
from ...data.generated_lines import LINES, GeneratedLayout
from ...data.line_augmentation import USUAL, LineChanges
from ...data.line_sets import LineLayout, open_lines, read_lines
from ...data.line_texts import NormalForm
from ...data.picture_files import TableLayout
from ...data.sets import check_fractions
from ...data.text_order import Direction, TextOrder, Units
from ...data.transcribed_lines import Lines, LineSets
from ...errors import ArgumentError
from ...layers.line_encoder import check_stride
from ...results import Progress, silent
from ...training.options import Training
from ...training.start_options import StartClasses
from ..common.convolution_options import check_convolutions
from ..common.recurrent import Recurrent
from ..common.unaligned.examples import TooLong

LOWEST, HIGHEST = 16, 256  # pixels of a line


@dataclass(frozen=True, kw_only=True)
class TextLines:
    """The pictures of lines and their texts."""

    data: str = "generated"
    """lines: a folder or archive of pictures with texts, a table of paths, npz, or a name"""
    test: str | None = None
    """test set in the same format (default: a part of --data)"""
    path_column: str | None = None
    """column (or key) of the paths in a table; its number with --no-header"""
    text_column: str | None = None
    """column (or key) of the texts in a table"""
    header: bool = True
    """the first row of a table contains the column names"""
    delimiter: str = "auto"
    """column separator of a table: one character, or tab (default: detect)"""
    encoding: str = "auto"
    """encoding of texts (auto: UTF-8, or Windows-1252 if it looks like it)"""
    height: int = 40
    """pixels of height that every line is scaled to"""
    normal_form: NormalForm = "NFC"
    """Unicode normal form of the texts"""
    base_direction: Direction = "auto"
    """direction of a line: ltr, rtl, or auto, by its first letter"""
    symbols: Units = "code-points"
    """what the network reads: code points, or grapheme clusters"""
    damaged: Literal["error", "skip"] = "error"
    """pictures that cannot be read: an error, or skip"""
    too_long: TooLong = "error"
    """texts with more characters than their line has frames: an error, or skip"""
    lines: int = LINES
    """generated data: number of training lines"""
    scripts: tuple[str, ...] = ()
    """--data generated: scripts, such as latin arabic (default: all for which there are fonts)"""
    unseen_fonts: tuple[str, ...] = ()
    """--data generated: fonts that only the test set has, as patterns of their names"""
    fractions: tuple[float, float, float] | None = None
    """random split into training, validation and test set (default: 0.8 0.1 0.1)"""
    folds: int = 0
    """number of folds for cross-validation; 0: off"""
    fold: int | None = None
    """train only on this fold, counted from 0 (default: every fold)"""

    def __post_init__(self) -> None:
        check_delimiter(self.delimiter)
        check_folds(self.folds, self.fold, self.test)
        if not LOWEST <= self.height <= HIGHEST:
            raise ArgumentError("height", f"from {LOWEST} to {HIGHEST} pixels", self.height)
        check_fractions(self.fractions)
        self.generated()

    def order(self) -> TextOrder:
        """Return the order of symbols in a line."""
        return TextOrder(self.base_direction, self.symbols)

    def layout(self) -> LineLayout:
        """Return how lines are read."""
        return LineLayout(
            height=self.height,
            form=self.normal_form,
            table=TableLayout(self.path_column, self.text_column, self.header, self.delimiter, self.encoding),
            skip=self.damaged == "skip",
            generated=self.generated(),
        )

    def generated(self) -> GeneratedLayout:
        """Return what is drawn if the data are a named set."""
        return GeneratedLayout(lines=self.lines, scripts=self.scripts, unseen_fonts=self.unseen_fonts)

    def read(self, progress: Progress = silent) -> LineSets:
        """Read the training, validation and test sets."""
        return open_lines(
            self.data, self.layout(), self.fractions, self.test, self.folds, self.fold or 0, progress=progress
        )

    def read_test(self, data: str) -> tuple[Lines, list[str]]:
        """Read other lines to evaluate on, and notes."""
        return read_lines(data, self.layout())


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of the training lines."""

    rotate: float = USUAL.rotate
    """turn by up to this many degrees, long lines by less"""
    slant: float = USUAL.slant
    """lean by up to this many degrees"""
    stretch: float = USUAL.stretch
    """make lines wider or narrower by up to this fraction"""
    shift: float = USUAL.shift
    """move up or down by up to this fraction of the height"""
    ink: float = USUAL.ink
    """make strokes thicker or thinner, by at most a pixel at 1"""
    blur: float = USUAL.blur
    """blur by up to this many pixels"""
    noise: float = USUAL.noise
    """noise of up to this many grey values"""
    contrast: float = USUAL.contrast
    """lower the contrast by up to this fraction"""

    def __post_init__(self) -> None:
        self.changes()

    def changes(self) -> LineChanges:
        """Return the changes."""
        return LineChanges(**{field.name: getattr(self, field.name) for field in fields(self)})


@dataclass(frozen=True, kw_only=True)
class LineNetwork:
    """The convolutions that read a line."""

    maps: tuple[int, ...] = (16, 32, 48, 64)
    """feature maps of each block; a block halves the height"""
    stride: int = 4
    """pixels of a frame; smaller ones for narrow characters"""

    def __post_init__(self) -> None:
        check_convolutions(self.maps)


@dataclass(frozen=True, kw_only=True)
class OcrConfig:
    """Configuration of a reader of lines and its training."""

    data: TextLines = field(default_factory=TextLines)
    augmentation: Augmentation = field(default_factory=Augmentation)
    network: LineNetwork = field(default_factory=LineNetwork)
    model: Recurrent = field(default_factory=lambda: Recurrent(cell="gru", hidden_size=128, num_layers=1, dropout=0.1))
    training: Training = field(
        default_factory=lambda: Training(epochs=20, min_steps=1500, batch_size=8, precision="bf16")
    )
    start: StartClasses = field(default_factory=StartClasses)

    def __post_init__(self) -> None:
        check_stride(self.data.height, len(self.network.maps), self.network.stride)

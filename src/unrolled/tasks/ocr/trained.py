"""A trained reader of lines: read pictures, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from ... import results
from ...checks import UNCHECKED, checked_methods
from ...data.line_pictures import normal_line, read_line
from ...data.pictures import from_array
from ...data.transcribed_lines import Lines
from ...results import Input, Picture, Prediction, Progress, Report, silent
from ..common.trained import Modules
from ..common.unaligned.drawing import characters_under
from ..common.unaligned.model import Encoder
from ..common.unaligned.trained import TrainedReader
from .evaluation import Evaluate, evaluation
from .model import LineReader
from .prediction import Predict, predictions

PAPER = 255


@checked_methods
class TrainedOcr(TrainedReader[Lines]):
    """A trained reader of lines, as returned by `unrolled.load` for a run of the task ``ocr``.

    handle = unrolled.load("runs/ocr-lines-1")
    handle.predict(["line.png"])[0].answer
    """

    task: ClassVar[str] = "ocr"
    encoder: ClassVar[Callable[[Any], Encoder]] = LineReader
    noun = "lines"

    def about(self) -> list[tuple[str, str]]:
        """See `Trained.about`."""
        return [
            *super().about(),
            ("lines", f"{self.config.data.height} pixels high, a frame for each {self.config.network.stride} columns"),
            ("symbols", f"{len(self.alphabet) - 1:,}: {''.join(self.alphabet.names[:60])}"),
        ]

    @staticmethod
    def collate(lines: Annotated[Sequence[npt.NDArray[Any]], UNCHECKED]) -> tuple[Tensor, Tensor]:
        """Return lines ``(H, W_n)`` as pixels ``(B, H, W)`` on paper, and their widths ``(B,)``."""
        widths = [line.shape[1] for line in lines]
        pixels = np.full((len(lines), len(lines[0]), max(widths)), PAPER, np.uint8)
        for row, line in zip(pixels, lines, strict=True):
            row[:, : line.shape[1]] = line
        return torch.from_numpy(pixels), torch.tensor(widths, dtype=torch.int64)

    def width(self, array: Annotated[npt.NDArray[Any], UNCHECKED]) -> int:
        """See `TrainedReader.width`."""
        return int(array.shape[1])

    @property
    def frame_size(self) -> float:
        """See `TrainedReader.frame_size`."""
        return float(self.config.network.stride)

    def explained(self, name: str, array: Annotated[Any, UNCHECKED], found: Annotated[Any, UNCHECKED]) -> Picture:
        """See `TrainedReader.explained`."""
        image, unit = Image.fromarray(array).convert("RGB"), self.frame_size
        return Picture("characters", lambda: characters_under(image, found.pieces, unit), f"{name}: the characters")

    def predict(self, pictures: Annotated[Sequence[Any], UNCHECKED], *, explain: bool = False) -> list[Prediction]:
        """Read the text of each picture of a line.

        Args:
            pictures: files (paths), bytes of files, or arrays ``(h, w)``.
            explain: add a drawing of the places where the characters were read.

        Raises:
            DataError: a picture cannot be read.
        """
        options = Predict(explain=explain)
        return list(predictions(self, [[_input(picture, n) for n, picture in enumerate(pictures, 1)]], options))  # type: ignore[arg-type]

    def read(self, picture: Annotated[Any, UNCHECKED]) -> npt.NDArray[np.uint8]:
        """Return the pixels ``(H, W)`` of a picture as the network reads them; see `predict`.

        Raises:
            DataError: the picture cannot be read.
        """
        height = self.config.data.height
        if isinstance(picture, str | Path):
            picture = Path(picture).expanduser()
        if isinstance(picture, Path | bytes | Input) and not _is_array(picture):
            return read_line(picture, height)
        given, name = (picture.content, picture.title) if isinstance(picture, Input) else (picture, "the line")
        return normal_line(from_array(given, name), height, name).pixels

    def modules(self) -> Modules:
        """See `Trained.modules`; the metadata are the height of the lines and the symbols, of which 0 is the blank."""
        around = {"height": self.config.data.height, "symbols": self.alphabet.symbols}
        return Modules(self.model, None, (), (("pixels", "widths"), ("logits",)), around)

    def read_other(self, data: str) -> tuple[Lines, list[str]]:
        """See `TrainedOnSets.read_other`."""
        found: tuple[Lines, list[str]] = self.config.data.read_test(data)
        return found

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options, progress)

    def predictions(self, inputs: Iterable[Sequence[Input]], options: Predict) -> Iterator[Prediction | results.Part]:
        """See `Trained.predictions`."""
        return predictions(self, inputs, options)


def _is_array(picture: Any) -> bool:
    """Return whether an input holds pixels instead of a file."""
    return isinstance(picture, Input) and not isinstance(picture.content, str | Path | bytes | dict | list)


def _input(picture: Any, number: int) -> Input:
    if isinstance(picture, str | Path):
        return Input(Path(picture).expanduser())
    return Input(picture, f"line {number}")

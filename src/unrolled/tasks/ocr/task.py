"""Text recognition: the picture of a line in, its text out, without the places of the characters in training data.

    unrolled train ocr                                             lines rendered in the fonts of this machine
    unrolled train ocr --data lines                                x.png and x.gt.txt, tables, ALTO and PAGE XML
    unrolled predict runs/ocr-lines-1 new.png

    pixels (B, H, W) → convolutions → (T, B, E) → recurrent layers, both directions → logits (T, B, C)
    loss = −log P(text | logits), summed over all alignments of its characters with the frames (layers/ctc.py)

The network reads columns from left to right, so it learns the characters in the order in which they stand there
(data/text_order.py), whatever the direction of the script; texts are in logical order everywhere else.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import numpy.typing as npt

from ...cells import cell_class
from ...data.generated_lines import NAMES
from ...data.line_augmentation import changed_lines
from ...data.transcribed_lines import LineSets
from ...training.input_options import InputOptions
from ..common.picture_bytes import picture_file
from ..common.sets_task import Description
from ..common.starting import NETWORK
from ..common.unaligned.examples import Counts
from ..common.unaligned.task import UnalignedTask
from ..common.unaligned.trained import TrainedReader
from . import description
from .config import OcrConfig
from .evaluation import Evaluate
from .prediction import Predict
from .trained import TrainedOcr


class LineRecognition(UnalignedTask):
    """The task ``ocr``; see the module."""

    name: ClassVar[str] = "ocr"
    Config: ClassVar[type] = OcrConfig
    unit: ClassVar[str] = "lines"
    noun: ClassVar[str] = "lines"
    use: ClassVar[dict[str, str]] = {"predict": "predict", "evaluate it": "evaluate"}
    keeps: ClassVar[tuple[str, ...]] = (*NETWORK, "maps", "stride", "height", "normal_form", "symbols")
    Evaluate: ClassVar[type | None] = Evaluate
    Predict: ClassVar[type[InputOptions] | None] = Predict
    description: ClassVar[Description] = description
    more_frames: ClassVar[str] = "give lines more --height or frames a smaller --stride"
    trained: ClassVar[type[TrainedReader[Any]]] = TrainedOcr
    config: OcrConfig
    sets: LineSets

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": NAMES, "test": ()}

    def read(self) -> LineSets:
        cell_class(self.config.model.cell)
        return self.config.data.read(self.progress)

    def about(self) -> list[str]:
        widths, config = self.sets.train.widths, self.config
        return [
            f"lines of {config.data.height} × {widths.min():,} to {widths.max():,} pixels; a frame for each "
            f"{config.network.stride} columns"
        ]

    def changed(self, arrays: list[npt.NDArray[Any]], least: Counts, step: int) -> list[npt.NDArray[Any]]:
        columns = (least * self.config.network.stride).tolist()
        changes = changed_lines(arrays, self.config.augmentation.changes(), self.config.training.seed, step)
        return [b if b.shape[1] >= count else a for a, b, count in zip(arrays, changes, columns, strict=True)]

    def example_file(self) -> tuple[str, bytes] | None:
        own = self.sets.valid if len(self.sets.valid) else self.sets.train
        return "example.png", picture_file(own[0][:, :, None])

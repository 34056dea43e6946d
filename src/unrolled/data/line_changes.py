"""Random changes of the pictures of text lines that keep their text, as pure functions of seed and step.

    stretch   wider or narrower by up to this fraction
    slant     columns move sideways by up to this fraction of their height above or below the middle
    shift     up or down by up to this fraction of the height
    scale     the text larger or smaller by up to this fraction of its height, within the line
    shade     the ink lighter, by up to this fraction of the contrast

All but the last are one affine map with linear interpolation. Numbers are drawn by (seed, step, place in the batch), so
a resumed run sees the same pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import ArgumentError
from .counter import uniform

# B lines, H × W pixels

PAPER = 255
_CHANGES = 0x11E5  # random stream

Line = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class LineChanges:
    """How lines are changed at random; see the module.

    Raises:
        ArgumentError: a number is out of range.
    """

    stretch: float = 0.1
    """make lines wider or narrower by up to this fraction"""
    slant: float = 0.15
    """slant the letters by up to this fraction of their height"""
    shift: float = 0.05
    """move the text up or down by up to this fraction of the height"""
    scale: float = 0.1
    """make the text higher or lower by up to this fraction"""
    shade: float = 0.3
    """make the ink lighter by up to this fraction of the contrast"""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= (value := getattr(self, field.name)) <= 0.5:
                raise ArgumentError(field.name, "a fraction from 0 to 0.5", value)

    @property
    def none(self) -> bool:
        """Whether nothing is changed."""
        return not any(getattr(self, field.name) for field in fields(self))


def changed(lines: Sequence[Line], changes: LineChanges, least: Counts, seed: int, step: int) -> list[Line]:
    """Return the lines of a batch ``(H, W_n)`` with random changes.

    Args:
        lines: the batch.
        changes: which changes.
        least: ``(B,)``, the columns that a line must keep at least for its text.
        seed: the seed of the run.
        step: the number of the training step.
    """
    if changes.none:
        return list(lines)
    names = ("stretch", "slant", "shift", "scale", "shade")
    draws = 2 * uniform(seed, _CHANGES, step, np.arange(len(lines))[:, None], np.arange(len(names))) - 1
    drawn = draws * [getattr(changes, name) for name in names]
    return [
        _changed(line, numbers, int(most)) for line, numbers, most in zip(lines, drawn.tolist(), least, strict=True)
    ]


def _changed(line: Line, drawn: list[float], least: int) -> Line:
    stretch, slant, shift, scale, shade = drawn
    height, width = line.shape
    wide = max(round(width * (1 + stretch)), min(least, width))
    across, down = width / wide, 1 / (1 + scale)
    middle = height / 2
    # a pixel (x, y) of the result is the pixel (across x + slant (y − middle), down (y − middle) + middle + shift H)
    image = Image.fromarray(line).transform(
        (wide, height), Image.Transform.AFFINE,
        (across, slant, -slant * middle, 0.0, down, middle * (1 - down) + shift * height),
        Image.Resampling.BILINEAR, fillcolor=PAPER,
    )  # fmt: skip
    pixels: Line = np.asarray(image)
    if shade > 0:
        pixels = (PAPER - (PAPER - pixels.astype(np.float32)) * (1 - shade)).astype(np.uint8)
    return pixels

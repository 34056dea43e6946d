"""The picture of a line of text in its normal form: grey, light paper, dark ink, and of one height.

It is read by the rule of pictures.py and scaled with its aspect ratio to the height. A picture whose ink is lighter
than its paper is turned over: more than half of its pixels, on the average of the whole and its border, are darker than
the middle between the darkest and the lightest. Then grey values are stretched, so that the darkest become 0 and the
lightest 255; a contrast of less than 32 of 256 grey values, such as that of an empty line, is stretched as one of 32.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import ArgumentError, DataError
from ..results import Input
from .pictures import Pixels, open_picture

# H height, W width of a line

VERSION = 1  # of the normal form, and of the entries of the cache with it
HEIGHT = 48  # pixels
LEAST_HEIGHT, MOST_HEIGHT = 8, 512
MOST_WIDTH = 32_768  # pixels at that height
LEAST_CONTRAST = 32  # grey values
BORDER = 16  # the height, in widths of the border
OUTSIDE = 0.005  # of the pixels may be darker or lighter than the limits of the stretched range


class LinePicture(NamedTuple):
    """A line in its normal form: its pixels ``(H, W)``, and whether it was turned over."""

    pixels: Pixels
    inverted: bool


def read_line(content: Path | bytes | Input, height: int = HEIGHT, name: str = "") -> Pixels:
    """Return the pixels ``(H, W)`` of a line.

    Args:
        content: a file, its bytes, or an input of a trained model.
        height: H.
        name: its name in errors (default: its path).

    Raises:
        ArgumentError: ``height`` is out of range.
        DataError: it is not a picture, damaged, too small, too large, or much too wide for a line.
    """
    given = content if isinstance(content, Input) else Input(content, name)
    return normal_line(open_picture(given, name), height, name or given.title).pixels


def normal_line(picture: Image.Image, height: int = HEIGHT, name: str = "the line") -> LinePicture:
    """Return the normal form of an upright picture in mode ``L`` or ``RGB``; see the module.

    Raises:
        ArgumentError: ``height`` is out of range.
        DataError: it is much too wide.
    """
    check_height(height)
    grey = picture.convert("L")
    width = max(1, round(grey.width * height / grey.height))
    if width > MOST_WIDTH:
        raise DataError(
            f"{name} has {grey.width:,} × {grey.height:,} pixels: at a height of {height} it is {width:,} wide, more "
            f"than the limit of {MOST_WIDTH:,}; cut it into lines of words"
        )
    if grey.size != (width, height):
        grey = grey.resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(grey, np.uint8)
    counts = np.bincount(pixels.ravel(), minlength=256).cumsum()
    low, high = (int(np.searchsorted(counts, share * pixels.size)) for share in (OUTSIDE, 1 - OUTSIDE))
    inverted = high - low >= LEAST_CONTRAST and _darkness(pixels < (low + high) / 2) > 0.5
    if inverted:
        pixels, low, high = 255 - pixels, 255 - high, 255 - low
    low = max(0, min(low, high - LEAST_CONTRAST))
    values = (np.arange(256) - low) * (255 / max(high - low, LEAST_CONTRAST))
    return LinePicture(np.clip(np.rint(values), 0, 255).astype(np.uint8)[pixels], inverted)


def _darkness(dark: npt.NDArray[np.bool_]) -> float:
    """Return the share of dark pixels, on the average of a whole line ``(H, W)`` and its border."""
    height, width = dark.shape
    edge = max(1, min(height // BORDER, width // 2))
    inside = dark[edge : height - edge, edge : width - edge]
    around = (np.count_nonzero(dark) - np.count_nonzero(inside)) / max(1, dark.size - inside.size)
    return (np.count_nonzero(dark) / dark.size + around) / 2


def check_height(height: int) -> None:
    """Raise `ArgumentError` unless ``height`` is a height of lines that can be read."""
    if not LEAST_HEIGHT <= height <= MOST_HEIGHT:
        raise ArgumentError("height", f"pixels from {LEAST_HEIGHT} to {MOST_HEIGHT}", height)

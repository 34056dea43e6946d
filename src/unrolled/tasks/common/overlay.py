"""Values over a picture: the picture in pale grey, so that dark ones are readable too, below the values' colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

RED, BLUE = (197, 58, 42), (43, 108, 176)  # positive and negative, as in the inspector
MOST = 0.9  # opacity of the largest value

Colour = tuple[int, int, int]


def overlaid(
    picture: Image.Image, values: npt.NDArray[Any], positive: Colour = RED, negative: Colour = BLUE
) -> Image.Image:
    """Return the picture below the colours of values ``(h, w)`` from −1 to 1."""
    ground = np.asarray(ImageOps.autocontrast(picture.convert("L")), np.float64)[..., None] * 0.35 + 160
    smooth = Image.fromarray(values.astype(np.float32)).resize(picture.size, Image.Resampling.BILINEAR)
    return _coloured(ground, np.asarray(smooth), positive, negative)


def scale_bar(
    low: float, high: float, width: int, height: int, positive: Colour = RED, negative: Colour = BLUE
) -> Image.Image:
    """Return the colours of the values from ``low`` to ``high``."""
    values = np.tile(np.linspace(low, high, max(2, width)), (height, 1))
    return _coloured(np.full((*values.shape, 1), 255.0), values, positive, negative)


def _coloured(ground: npt.NDArray[Any], values: npt.NDArray[Any], positive: Colour, negative: Colour) -> Image.Image:
    colour = np.where(values[..., None] > 0, np.array(positive), np.array(negative))
    weight = np.clip(np.abs(values), 0, 1)[..., None] ** 0.7 * MOST
    return Image.fromarray(np.clip(ground * (1 - weight) + colour * weight, 0, 255).astype(np.uint8))

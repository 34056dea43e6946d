"""``--explain`` for pictures: the picture beside its occlusion map and its map of gradient × input, as one drawing.

The score that is explained is the log-odds of the answer against the next most probable class, in nats. The tenth of
the pixels with the largest values is framed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ...analysis.picture_saliency import gradient_by_input, occlusion, top_share
from ...data.pictures import Pixels
from ...results.palette import GREY, INK
from ..common.lettering import Font, lettering, shortened
from ..common.picture_bytes import png
from .sheet import GAP, large

if TYPE_CHECKING:
    from .trained import TrainedImages

SIDE, HEAD, TEXT = 288, 40, 13  # pixels: of a map, of its title, height of letters
RED, BLUE = (197, 58, 42), (43, 108, 176)  # for and against, as in the inspector
SHARE = 0.1  # of the pixels that is framed

Values = npt.NDArray[np.float64]


def maps(model: TrainedImages, pixels: Pixels, best: int, other: int) -> tuple[Values, Values]:
    """Return the occlusion map and the map of gradient × input ``(h, w)`` in nats.

    Args:
        model: the trained model.
        pixels: a picture ``(h, w, C)``.
        best: the number of the class for which they speak.
        other: that of the class against which they speak.
    """

    def score(x: Tensor) -> Tensor:
        logits = network.answer(x)
        return logits[:, best] - logits[:, other]

    network = model.model
    with torch.no_grad():
        x = network.normalised(torch.from_numpy(pixels.copy())[None].to(network.mean.device))[0]
    found = occlusion(score, x), gradient_by_input(score, x)
    occluded, gradient = (part.double().cpu().numpy() for part in found)
    return occluded, gradient


def drawing(pixels: Pixels, name: str, names: tuple[str, str], values: Sequence[tuple[str, Values]]) -> bytes:
    """Return a PNG file: the picture, then each map above it, with its scale.

    Args:
        pixels: the picture ``(h, w, C)``.
        name: its name.
        names: the class that red speaks for, and the one that blue speaks for.
        values: titles and maps ``(h, w)``.
    """
    side = max(SIDE // len(pixels), 1) * len(pixels) if len(pixels) <= SIDE else SIDE
    picture = large(pixels, side)
    width, height = (1 + len(values)) * (side + GAP) + GAP, HEAD + side + 30
    canvas = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(canvas), lettering(TEXT)
    canvas.paste(picture, (GAP, HEAD))
    draw.text((GAP, 8), shortened(name, font, side), INK, font)
    for n, (title, value) in enumerate(values, 1):
        left = GAP + n * (side + GAP)
        top = float(np.abs(value).max()) or 1.0
        canvas.paste(_above(picture, value / top, side), (left, HEAD))
        _frame(draw, value, left, side)
        draw.text((left, 8), shortened(title, font, side), INK, font)
        _scale(canvas, draw, font, left, HEAD + side + 8, side, top)
    draw.text((GAP, HEAD + side + 8), shortened(f"red: for {names[0]}, blue: for {names[1]}", font, side), GREY, font)
    return png(canvas)


def _above(picture: Image.Image, value: Values, side: int) -> Image.Image:
    """Return the picture in pale grey below the colours of values from −1 to 1."""
    ground = np.asarray(picture.convert("L"), np.float64)[..., None] * 0.35 + 160
    strength = np.asarray(Image.fromarray(value.astype(np.float32)).resize((side, side), Image.Resampling.BILINEAR))
    colour = np.where(strength[..., None] > 0, np.array(RED), np.array(BLUE))
    weight = np.clip(np.abs(strength), 0, 1)[..., None] ** 0.7 * 0.9
    return Image.fromarray(np.clip(ground * (1 - weight) + colour * weight, 0, 255).astype(np.uint8))


def _frame(draw: ImageDraw.ImageDraw, value: Values, left: int, side: int) -> None:
    """Draw the outline of the pixels with the largest values."""
    marked = np.pad(top_share(torch.from_numpy(value), SHARE).numpy(), 1)
    scale = side / len(value)
    for axis in (0, 1):
        for y, x in zip(*np.nonzero(np.diff(marked.astype(np.int8), axis=axis)), strict=True):
            if axis == 0:  # a border between row y − 1 and row y
                line = [(x - 1) * scale, y * scale, x * scale, y * scale]
            else:
                line = [x * scale, (y - 1) * scale, x * scale, y * scale]
            draw.line([line[0] + left, line[1] + HEAD, line[2] + left, line[3] + HEAD], INK, 2)


def _scale(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: Font,
    left: int,
    top: int,
    side: int,
    most: float,
) -> None:
    """Draw the colours from −most to most, in nats."""
    low, high = f"-{most:.2g}", f"+{most:.2g} nats"
    begin, end = left + font.getlength(low) + 6, left + side - font.getlength(high) - 6
    bar = np.tile(np.linspace(-1, 1, max(2, int(end - begin))), (12, 1))
    blank = Image.new("RGB", (bar.shape[1], 12), "white")
    weight = np.abs(bar)[..., None] ** 0.7 * 0.9
    colour = np.where(bar[..., None] > 0, np.array(RED), np.array(BLUE))
    shown = np.asarray(blank, np.float64) * (1 - weight) + colour * weight
    canvas.paste(Image.fromarray(shown.astype(np.uint8)), (int(begin), top + 2))
    draw.text((left, top), low, GREY, font)
    draw.text((end + 6, top), high, GREY, font)

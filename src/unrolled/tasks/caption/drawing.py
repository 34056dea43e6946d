"""The attention of a caption: the picture once per word, light where the decoder looked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ...data.pictures import from_array, open_picture
from ...results import Input
from ...results.palette import INK
from ..common.lettering import lettering, shortened
from .captions import Weights

LONG = 168  # pixels of the longer side of a picture
GAP, LINE, TEXT = 10, 20, 14
COLUMNS = 6
DARKEST = 0.25  # brightness without attention


def opened(picture: Any) -> Image.Image:
    """Return a picture in its own aspect ratio: a file, its bytes, an input, an image of Pillow or an array."""
    if isinstance(picture, Path | bytes | Input):
        return open_picture(picture).convert("RGB")
    return (picture if isinstance(picture, Image.Image) else from_array(picture)).convert("RGB")


def drawing(picture: Image.Image, tokens: Sequence[str], weights: Weights | None) -> bytes:
    """Return a PNG file: the picture, and once per token the picture with its attention.

    A place is as bright as its weight relative to the largest one of the token; the share of attention that a uniform
    one would have is not marked, so that a diffuse attention is a picture that is bright everywhere.

    Args:
        picture: the picture, in its own aspect ratio.
        tokens: the tokens.
        weights: ``(len(tokens), h, w)``; `None`: only the picture is drawn, with the tokens below it.
    """
    scale = LONG / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    small = picture.resize((width, height), Image.Resampling.BICUBIC if scale < 1 else Image.Resampling.NEAREST)
    cells = [("", small)]
    if weights is None:
        cells = [(" ".join(tokens), small)]
    else:
        cells += [(token, _lit(small, weight)) for token, weight in zip(tokens, weights, strict=True)]
    step = max(width, 72) + GAP
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    canvas = Image.new("RGB", (columns * step + GAP, rows * (height + LINE + GAP) + GAP), "white")
    draw, font = ImageDraw.Draw(canvas), lettering(TEXT)
    for n, (title, image) in enumerate(cells):
        left, top = GAP + n % columns * step, GAP + n // columns * (height + LINE + GAP)
        draw.text((left, top), shortened(title, font, step - GAP), INK, font)
        canvas.paste(image, (left, top + LINE))
    canvas.save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def _lit(picture: Image.Image, weight: Weights) -> Image.Image:
    """Return the picture, dark where the weight is small."""
    share = weight / max(float(weight.max()), 1e-9)
    smooth = Image.fromarray(share.astype(np.float32)).resize(picture.size, Image.Resampling.BILINEAR)
    light = DARKEST + (1 - DARKEST) * np.clip(np.asarray(smooth), 0, 1)[..., None]
    pixels = np.asarray(picture, np.float32)
    return Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8))

"""The attention of a caption: the picture once per word, blue where the decoder looked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ...data.pictures import from_array, open_picture
from ...results import Input
from ...results.palette import INK
from ..common.lettering import lettering, shortened
from ..common.overlay import overlaid, scale_bar
from .captions import Weights

LONG = 160  # pixels of the longer side of a picture
GAP, LINE, TEXT = 10, 20, 14
COLUMNS = 4  # as wide as a page, which would shrink the words of a wider picture
DARK = (0, 60, 120)  # the largest weight of a word
MARK = (213, 94, 0)  # frame of the place that is read
BAR = 96  # pixels of the scale


def opened(picture: Any) -> Image.Image:
    """Return a picture in its own aspect ratio: a file, its bytes, an input, an image of Pillow or an array."""
    if isinstance(picture, Path | bytes | Input):
        return open_picture(picture).convert("RGB")
    return (picture if isinstance(picture, Image.Image) else from_array(picture)).convert("RGB")


def drawing(picture: Image.Image, tokens: Sequence[str], weights: Weights | None, hard: bool = False) -> bytes:
    """Return a PNG file: the picture, and once per token the picture with its attention.

    A place is as blue as its weight relative to the largest one of the token, so that a diffuse attention is blue
    everywhere. The picture below is pale grey, because dark photographs would hide the colour.

    Args:
        picture: the picture, in its own aspect ratio.
        tokens: the tokens.
        weights: ``(len(tokens), h, w)``; `None`: only the picture is drawn, with the tokens below it.
        hard: whether a single place is read for each token, the most likely one, which is framed.
    """
    scale = LONG / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    small = picture.resize((width, height), Image.Resampling.BICUBIC if scale < 1 else Image.Resampling.NEAREST)
    cells = [("", small)]
    if weights is None:
        cells = [(" ".join(tokens), small)]
    else:
        cells += [(token, _attended(small, weight, hard)) for token, weight in zip(tokens, weights, strict=True)]
    step = max(width, 72) + GAP
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    below = 0 if weights is None else LINE
    canvas = Image.new("RGB", (columns * step + GAP, rows * (height + LINE + GAP) + GAP + below), "white")
    draw, font = ImageDraw.Draw(canvas), lettering(TEXT)
    for n, (title, image) in enumerate(cells):
        left, top = GAP + n % columns * step, GAP + n // columns * (height + LINE + GAP)
        draw.text((left, top), shortened(title, font, step - GAP), INK, font)
        canvas.paste(image, (left, top + LINE))
    if weights is not None:
        _scale(canvas, "largest weight of a word" + ", framed: the place read" * hard)
    canvas.save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def _attended(picture: Image.Image, weight: Weights, hard: bool) -> Image.Image:
    """Return the picture in pale grey, blue where the weight is large."""
    found = overlaid(picture, weight / max(float(weight.max()), 1e-9), DARK)
    if hard:
        rows, columns = weight.shape
        row, column = divmod(int(weight.argmax()), columns)
        width, height = picture.width / columns, picture.height / rows
        box = (column * width, row * height, (column + 1) * width - 1, (row + 1) * height - 1)
        ImageDraw.Draw(found).rectangle(box, outline=MARK, width=3)
    return found


def _scale(canvas: Image.Image, text: str) -> None:
    """Draw the colours of the weights at the bottom."""
    draw, font, y = ImageDraw.Draw(canvas), lettering(TEXT), canvas.height - LINE - 2
    draw.text((GAP, y), "0", INK, font)
    left = GAP + round(font.getlength("0")) + 6
    canvas.paste(scale_bar(0, 1, BAR, TEXT - 2, DARK), (left, y + 3))
    draw.text((left + BAR + 6, y), shortened(text, font, canvas.width - left - BAR - 6), INK, font)

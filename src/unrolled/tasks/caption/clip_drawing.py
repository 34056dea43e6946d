"""The attention of a caption over a clip: a row for each word, dark where it is large, under a strip of frames."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ...data.pictures import Pixels
from ...results.palette import INK
from ..common.lettering import lettering, shortened
from ..common.strip import WIDTH, strip
from .captions import Weights

LEFT, GAP, ROW, TEXT, AXIS = 110, 10, 20, 14, 40  # pixels: of the words, between parts, of a row, of letters, below
DARKEST = (0, 60, 120)  # the largest weight of a word
TICKS = 6  # numbers at the axis, at most


def clip_drawing(frames: Pixels, tokens: Sequence[str], weights: Weights | None) -> bytes:
    """Return a PNG file: some frames of the clip, and below them a row for each token.

    A frame's cell is as dark as its weight relative to the largest one of the token.

    Args:
        frames: the frames ``(T, h, w, C)``, as the captioner reads them.
        tokens: the tokens.
        weights: ``(len(tokens), T)``; `None`: only the frames are drawn, with the tokens below them.
    """
    above, font = strip(frames), lettering(TEXT)
    rows = 1 if weights is None else len(tokens)
    top = GAP + above.image.height + GAP
    canvas = Image.new("RGB", (LEFT + WIDTH + GAP, top + rows * ROW + AXIS), "white")
    draw = ImageDraw.Draw(canvas)
    canvas.paste(above.image, (LEFT, GAP))
    if weights is None:
        draw.text((LEFT, top), shortened(" ".join(tokens), font, WIDTH), INK, font)
    else:
        for n, (token, row) in enumerate(zip(tokens, weights, strict=True)):
            y = top + n * ROW
            draw.text((LEFT - GAP, y + ROW // 2), shortened(token, font, LEFT - 2 * GAP), INK, font, anchor="rm")
            canvas.paste(_shades(row, ROW - 2), (LEFT, y + 1))
    y = top + rows * ROW
    step = max(1, -(-len(frames) // TICKS))
    for number in range(0, len(frames), step):
        x = LEFT + round(above.x(number + 0.5))
        draw.line((x, y, x, y + 4), INK)
        draw.text((x, y + 6), str(number + 1), INK, font, anchor="mt")
    draw.text((LEFT - GAP, y + 6), "frame", INK, font, anchor="rt")
    canvas.save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def _shades(weights: Weights, height: int) -> Image.Image:
    """Return a row with a cell for each frame: white at weight 0."""
    share = np.clip(weights / max(float(weights.max()), 1e-9), 0, 1)[None, :, None]
    colours = 255 + share * (np.array(DARKEST) - 255)
    return Image.fromarray(np.rint(colours).astype(np.uint8)).resize((WIDTH, height), Image.Resampling.NEAREST)

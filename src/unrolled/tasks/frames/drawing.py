"""Draw clips: a strip with the true frames above the predicted ones, and the same as an animation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from ...data.pictures import Pixels
from ...results.palette import BLUE, GREY, INK, VERMILLION
from ..common.lettering import lettering

CELL, GAP, LINE, TEXT = 64, 4, 16, 12  # pixels: least side of a frame, between frames, height of a line and of letters
LABEL = 76  # width of a row's label
COLUMNS = 10  # most frames of a row
LARGE, MILLISECONDS = 128, 150  # of an animation: least side of a frame, duration of a frame

# T given frames, N predicted frames, H × W pixels, C channels


class Shown(NamedTuple):
    """A clip to draw: the given frames ``(T, H, W, C)``, the true next ones if known, the predicted ones; and the
    number of the first frame."""

    given: Pixels
    true: Pixels | None
    predicted: Pixels
    first: int = 1


def strips(clips: Sequence[Shown]) -> bytes:
    """Return a PNG file: of each clip the given frames, and below them the true next frames above the predicted ones.

    Rows of more than 10 frames show 10 of them, evenly spaced; the number of each is above it.
    """
    blocks = [_block(clip) for clip in clips]
    width = max(block.width for block in blocks)
    canvas = Image.new("RGB", (width, sum(block.height for block in blocks)), "white")
    top = 0
    for block in blocks:
        canvas.paste(block, (0, top))
        top += block.height
    canvas.save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def _block(clip: Shown) -> Image.Image:
    T = len(clip.given)
    after = clip.first + T
    rows = [("given", INK, clip.given, clip.first, True)]
    if clip.true is not None:
        rows.append(("true", BLUE, clip.true, after, True))
    rows.append(("predicted", VERMILLION, clip.predicted, after, clip.true is None))
    side = _side(clip.given, CELL)
    height = sum(side[0] + GAP + numbered * LINE for *_, numbered in rows) + 2 * GAP
    columns = max(min(COLUMNS, len(frames)) for _, _, frames, _, _ in rows)
    canvas = Image.new("RGB", (LABEL + columns * (side[1] + GAP) + GAP, height), "white")
    draw, font, top = ImageDraw.Draw(canvas), lettering(TEXT), GAP
    for label, colour, frames, first, numbered in rows:
        chosen = np.linspace(0, len(frames) - 1, min(COLUMNS, len(frames))).round().astype(int).tolist()
        if numbered:
            for n, number in enumerate(chosen):
                left = LABEL + n * (side[1] + GAP)
                draw.text((left + side[1] / 2, top), str(first + number), GREY, font, anchor="ma")
            top += LINE
        draw.text((LABEL - 8, top + side[0] / 2), label, colour, font, anchor="rm")
        for n, number in enumerate(chosen):
            canvas.paste(_image(frames[number], side), (LABEL + n * (side[1] + GAP), top))
        top += side[0] + GAP
    return canvas


def animation(clip: Shown) -> bytes:
    """Return an animated GIF: the true clip on the left, if known, and on the right the given and predicted frames."""
    side = _side(clip.given, LARGE)
    sides = [("predicted", VERMILLION, np.concatenate([clip.given, clip.predicted]))]
    if clip.true is not None:
        sides.insert(0, ("true", BLUE, np.concatenate([clip.given, clip.true])))
    font, pictures = lettering(TEXT), []
    for t in range(len(clip.given) + len(clip.predicted)):
        is_given = t < len(clip.given)
        canvas = Image.new("RGB", (len(sides) * (side[1] + 2 * GAP), side[0] + LINE + 3 * GAP), "white")
        draw = ImageDraw.Draw(canvas)
        for n, (label, colour, frames) in enumerate(sides):
            left, top = n * (side[1] + 2 * GAP) + GAP, LINE + 2 * GAP
            edge = GREY if is_given else colour
            draw.rectangle((left - 2, top - 2, left + side[1] + 1, top + side[0] + 1), edge)
            draw.text((left, GAP), f"{clip.first + t} {'given' if is_given else label}", edge, font)
            canvas.paste(_image(frames[t], side), (left, top))
        pictures.append(canvas)
    last = pictures[-1:] * 4  # a pause before it begins anew
    out = io.BytesIO()
    pictures[0].save(out, "GIF", save_all=True, append_images=pictures[1:] + last, duration=MILLISECONDS, loop=0)
    return out.getvalue()


def _side(frames: Pixels, least: int) -> tuple[int, int]:
    """Return the height and width of a frame as drawn: a multiple of its own, or smaller if it is large."""
    H, W = frames.shape[1:3]
    scale: float = max(1, least // max(H, W)) if max(H, W) <= 2 * least else 2 * least / max(H, W)
    return max(1, round(H * scale)), max(1, round(W * scale))


def _image(frame: Pixels, side: tuple[int, int]) -> Image.Image:
    plain = frame[..., 0] if frame.shape[-1] == 1 else frame
    image = Image.fromarray(np.ascontiguousarray(plain)).convert("RGB")
    method = Image.Resampling.NEAREST if side[0] >= image.height else Image.Resampling.BICUBIC
    return image.resize((side[1], side[0]), method)

"""Drawings of answers over time: a strip of frames, below it the evidence for the classes, or tracks of labels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ...data.labelled_clips import Clips
from ...data.pictures import Pixels
from ...results import Picture
from ...results.palette import GREY, INK, PALE, STYLES, style
from ..common.lettering import lettering, shortened
from ..common.picture_bytes import png
from ..common.strip import Strip, strip
from .segments import Labels, segments

LEFT, GAP, TEXT, LINE = 84, 12, 13, 18  # pixels: left of the strip, between parts, height of letters and of lines
PLOT, TRACK = 180, 26  # pixels: height of the curves, of a track
MOST_CURVES = 4
FINE = 3  # curves are drawn so many times larger

Floats = npt.NDArray[np.float64]


def evidence(
    frames: Pixels, ends: Sequence[int], shares: Floats, classes: Sequence[str], rate: float, title: str
) -> bytes:
    """Return a PNG file: the frames of a clip, and the probabilities of classes if the clip ended after a frame.

    Args:
        frames: the clip ``(T, H, W, C)``, or some of its frames, evenly spaced.
        ends: the numbers of frames, ascending, after which the probabilities were computed.
        shares: the probabilities ``(len(ends), K)``; the most probable classes at the end are drawn.
        classes: the names of the classes.
        rate: frames per second; 0 if it is not known.
        title: a line above.
    """
    shown = np.argsort(-shares[-1], kind="stable")[:MOST_CURVES].tolist()
    pictures = strip(frames, ends[-1])
    canvas, draw, top = _canvas(pictures, PLOT + LINE * (2 + len(shown)) + 2 * GAP, title)
    font = lettering(TEXT)
    for share in (0.0, 0.5, 1.0):
        y = top + (1 - share) * PLOT
        draw.line([(LEFT, y), (LEFT + pictures.image.width, y)], PALE)
        draw.text((LEFT - 6, y), f"{share:.0%}", GREY, font, anchor="rm")
    fine = Image.new("RGBA", (canvas.width * FINE, (PLOT + 2 * GAP) * FINE), (255, 255, 255, 0))
    pen = ImageDraw.Draw(fine)
    for n in reversed(range(len(shown))):
        xs = [(LEFT + pictures.x(end)) * FINE for end in ends]
        ys = [((1 - share) * PLOT + GAP) * FINE for share in shares[:, shown[n]].tolist()]
        _dashed(pen, list(zip(xs, ys, strict=True)), style(n).colour, style(n).dashes)
    canvas.paste(small := fine.resize((canvas.width, PLOT + 2 * GAP), Image.Resampling.LANCZOS), (0, top - GAP), small)
    top += PLOT
    top = _axis(draw, pictures, top, rate)
    for n, number in enumerate(shown):
        y = top + n * LINE
        _dashed(draw, [(LEFT, y + 7), (LEFT + 36, y + 7)], style(n).colour, style(n).dashes, fine=1)
        text = f"{classes[number]}: {shares[-1, number]:.0%} after the last frame"
        draw.text((LEFT + 44, y), shortened(text, font, pictures.image.width - 44), INK, font)
    return png(canvas)


def tracks(
    frames: Pixels, rows: Sequence[tuple[str, Labels]], classes: Sequence[str], rate: float, title: str
) -> bytes:
    """Return a PNG file: the frames of a clip, and coloured tracks of labels.

    Args:
        frames: the clip ``(T, H, W, C)``, or some of its frames, evenly spaced.
        rows: the name and the labels ``(T,)`` of each track.
        classes: the names of the classes.
        rate: frames per second; 0 if it is not known.
        title: a line above.
    """
    pictures = strip(frames, len(rows[0][1]))
    canvas, draw, top = _canvas(pictures, len(rows) * (TRACK + 4) + LINE * 2 + GAP, title)
    font = lettering(TEXT)
    present = sorted({int(label) for _, labels in rows for label in labels})
    colours = {label: STYLES[n % len(STYLES)].colour for n, label in enumerate(present)}
    for name, labels in rows:
        draw.text((LEFT - 6, top + TRACK // 2), shortened(name, font, LEFT - 12), INK, font, anchor="rm")
        for part in segments(labels):
            x0, x1 = LEFT + pictures.x(part.begin), LEFT + pictures.x(part.end)
            draw.rectangle([x0, top, x1 - 1, top + TRACK], _light(colours[part.label]))
            draw.rectangle([x0, top + TRACK - 5, x1 - 1, top + TRACK], colours[part.label])
            draw.line([(x1, top), (x1, top + TRACK)], "white", 2)
            text = shortened(classes[part.label], font, x1 - x0 - 4)
            if len(text) > 1 or text == classes[part.label]:
                draw.text((x0 + 3, top + 2), text, INK, font)
        top += TRACK + 4
    _axis(draw, pictures, top, rate)
    return png(canvas)


def compared(name: str, clips: Clips, number: int, true: Labels, found: Labels, classes: Sequence[str]) -> Picture:
    """Return a picture of a clip: its true labels and those found, ``(T,)`` each."""
    title = f"{clips.names[number]}: {float((true == found).mean()):.0%}"
    rows = [("labels", true), ("predicted", found)]
    return Picture(
        name, lambda: tracks(clips[number], rows, classes, clips.rate, title), f"{title} of its frames right"
    )


def _canvas(pictures: Strip, below: int, title: str) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    """Return a canvas with the title and the strip, to draw on, and the top of what is below the strip."""
    height = GAP + LINE + pictures.image.height + GAP + below
    canvas = Image.new("RGB", (LEFT + pictures.image.width + 2 * GAP, height), "white")
    draw, font = ImageDraw.Draw(canvas), lettering(TEXT)
    draw.text((LEFT, GAP - 4), shortened(title, font, pictures.image.width), INK, font)
    canvas.paste(pictures.image, (LEFT, GAP + LINE))
    return canvas, draw, GAP + LINE + pictures.image.height + GAP


def _axis(draw: ImageDraw.ImageDraw, pictures: Strip, top: int, rate: float) -> int:
    """Draw the time axis; return the place below it."""
    font, unit = lettering(TEXT), "s" if rate else "frames"
    length = pictures.frames / (rate or 1)
    step = next(s for n in range(-3, 9) for s in (10.0**n, 2 * 10.0**n, 5 * 10.0**n) if length / s <= 10)
    step = step if rate else max(1.0, step)
    for n in range(int(length / step) + 1):
        x = LEFT + pictures.x(n * step * (rate or 1))
        draw.line([(x, top + 1), (x, top + 5)], GREY)
        draw.text((x, top + 6), f"{n * step:g}", GREY, font, anchor="ma")
    draw.text((LEFT - 12, top + 6), unit, GREY, font, anchor="ra")
    return top + 6 + LINE + GAP // 2


def _dashed(
    draw: ImageDraw.ImageDraw,
    points: Sequence[tuple[float, float]],
    colour: str,
    dashes: Sequence[float],
    fine: int = FINE,
) -> None:
    """Draw a line through points, with alternating lengths of dashes and gaps."""
    width, pattern = round(2 * fine), [length * 2 * fine for length in dashes] or [float("inf")]
    at, left = 0, pattern[0]
    for (x0, y0), (x1, y1) in pairwise(points):
        length = float(np.hypot(x1 - x0, y1 - y0))
        done = 0.0
        while length - done > 1e-6:
            step = min(left, length - done)
            a, b = done / length, (done + step) / length
            if at % 2 == 0:
                ends = [(x0 + a * (x1 - x0), y0 + a * (y1 - y0)), (x0 + b * (x1 - x0), y0 + b * (y1 - y0))]
                draw.line(ends, colour, width)
            done, left = done + step, left - step
            if left <= 1e-6:
                at += 1
                left = pattern[at % len(pattern)]


def _light(colour: str) -> str:
    """Return a colour mixed with white, for an area below text."""
    parts = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return "#" + "".join(f"{255 - (255 - part) * 3 // 10:02x}" for part in parts)

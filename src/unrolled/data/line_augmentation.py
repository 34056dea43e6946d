"""Augmentation of lines: random changes of their pictures that keep their text, as pure functions of seed and step.

    rotate     turn by up to this many degrees; long lines by less, so that their ends move by an eighth of the height
    slant      lean by up to this many degrees
    stretch    multiply the width by up to 1 + s, or divide it by that
    shift      move up or down by up to this part of the height
    ink        make strokes thicker or thinner: up to all of the effect of a 3 × 3 minimum or maximum
    blur       a Gaussian blur of up to this standard deviation, in pixels
    noise      Gaussian noise of up to this standard deviation, in grey values
    contrast   paper and ink move towards each other, each by up to half of this part of 255

What comes from outside the picture is paper, 255. Numbers are drawn by (seed, step, place in the batch), so a resumed
run sees the same lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ..errors import ArgumentError
from .counter import uniform
from .pictures import Pixels

# H height, W width of a line

_AUGMENT = 0x11E5  # random stream
_DRAWS = 10
_POOL = 1 << 18  # random numbers that the noise of all lines is taken from
_MOVED = 1 / 8  # of the height: how far the ends of a line may move when it is turned


@dataclass(frozen=True)
class LineChanges:
    """How lines are changed at random; see the module. The default changes nothing.

    Raises:
        ArgumentError: a number is out of range.
    """

    rotate: float = 0.0
    slant: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    ink: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        most = {"rotate": 45, "slant": 45, "stretch": 1, "shift": 0.5, "ink": 1, "blur": 10, "noise": 128}
        for field in fields(self):
            limit = most.get(field.name, 1)
            if not 0 <= (value := getattr(self, field.name)) <= limit:
                raise ArgumentError(field.name, f"a number from 0 (off) to {limit}", value)


USUAL = LineChanges(rotate=1.0, slant=6.0, stretch=0.12, shift=0.04, ink=0.6, blur=0.7, noise=10.0, contrast=0.3)
"""moderate changes, for a few hundred lines of printed or written text"""


def changed_lines(lines: Sequence[Pixels], changes: LineChanges, seed: int, step: int) -> list[Pixels]:
    """Return a batch of lines ``(H, W)`` each with random changes; the widths may differ from before.

    Args:
        lines: the batch; paper is 255, ink 0.
        changes: which changes.
        seed: the seed of the run.
        step: the number of the training step.
    """
    if changes == LineChanges():
        return list(lines)
    draws = uniform(seed, _AUGMENT, step, np.arange(len(lines))[:, None], np.arange(_DRAWS)).tolist()
    return [_changed(pixels, changes, own) for pixels, own in zip(lines, draws, strict=True)]


def _changed(pixels: Pixels, changes: LineChanges, draws: Sequence[float]) -> Pixels:
    rotate, slant, stretch, shift, ink = (2 * draw - 1 for draw in draws[:5])
    if changes.ink:
        pixels = _inked(pixels, changes.ink * ink)
    if changes.rotate or changes.slant or changes.stretch or changes.shift:
        scale = (1 + changes.stretch) ** stretch
        pixels = _moved(pixels, changes.rotate * rotate, changes.slant * slant, scale, changes.shift * shift)
    if (radius := changes.blur * draws[5]) > 0.1:
        pixels = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)), np.uint8)
    if changes.contrast:
        dark, light = (255 * changes.contrast / 2 * draw for draw in draws[6:8])
        pixels = np.rint(dark + np.arange(256) * ((255 - light - dark) / 255)).astype(np.uint8)[pixels]
    return _noisy(pixels, changes.noise * draws[8], draws[9]) if changes.noise else pixels


def _inked(pixels: Pixels, amount: float) -> Pixels:
    """Mix a line with its minimum (``amount`` > 0: thicker strokes) or maximum over 3 × 3 pixels."""
    extreme = np.minimum if amount > 0 else np.maximum
    wide = pixels.copy()
    extreme(wide[:, 1:], pixels[:, :-1], out=wide[:, 1:])
    extreme(wide[:, :-1], pixels[:, 1:], out=wide[:, :-1])
    both = wide.copy()
    extreme(both[1:], wide[:-1], out=both[1:])
    extreme(both[:-1], wide[1:], out=both[:-1])
    weight = np.int32(round(abs(amount) * 256))
    mixed = pixels.astype(np.int32) * (256 - weight) + both.astype(np.int32) * weight
    return (mixed >> 8).astype(np.uint8)


def _moved(pixels: Pixels, degrees: float, slant: float, scale: float, shift: float) -> Pixels:
    """Turn, slant, stretch and shift a line, between pixels by bilinear interpolation."""
    height, width = pixels.shape
    limit = math.atan2(2 * _MOVED * height, width)
    angle, lean = max(-limit, min(limit, math.radians(degrees))), math.tan(math.radians(slant))
    new = max(1, round(width * scale + abs(lean) * height))
    cos, sin = math.cos(angle), math.sin(angle)
    # (x, y) of the new line, from its middle → ((x + lean · y) / scale, y + shift), turned, from the middle of the old
    a, b, d, e = cos / scale, cos * lean / scale - sin, sin / scale, sin * lean / scale + cos
    down = shift * height
    c = width / 2 - a * new / 2 - b * height / 2 - sin * down
    f = height / 2 - d * new / 2 - e * height / 2 + cos * down
    moved = Image.fromarray(pixels).transform(
        (new, height), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR, fillcolor=255
    )
    return np.asarray(moved, np.uint8)


@cache
def _pool() -> npt.NDArray[np.float32]:
    """Return normally distributed numbers, the same on every machine."""
    first, second = uniform(_AUGMENT, np.arange(2)[:, None], np.arange(_POOL))
    normal = np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second)
    return np.asarray(normal, np.float32)


def _noisy(pixels: Pixels, deviation: float, draw: float) -> Pixels:
    """Add noise, which begins at a random place of the pool."""
    normal = _pool()
    begin = int(draw * _POOL)
    own = np.take(normal, np.arange(begin, begin + pixels.size), mode="wrap").reshape(pixels.shape)
    return np.clip(pixels + deviation * own + 0.5, 0, 255).astype(np.uint8)

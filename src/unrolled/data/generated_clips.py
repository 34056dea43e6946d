"""Generated clips whose class no single frame tells: a light circle and a dark square go round, and flash in turn.

    circle clockwise, square first      the circle goes round clockwise, the square against it; the square flashes first

Each flash of the first shape is followed at once by one of the other, then by a pause of two fifths of a period. The
angles of both shapes and the place within the period are uniform and independent, so a frame at any time has the same
distribution in each of the four classes; and a clip played backwards is a clip of the class with the other direction
and the other order. Clip n is a pure function of the seed and n.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .counter import uniform
from .pictures import Pixels

SIDE = 40  # pixels of a side
SHORTEST, LONGEST = 16, 28  # frames of a clip
CLASSES = tuple(f"{turns} clockwise, {leads} first" for turns in ("circle", "square") for leads in ("circle", "square"))
SIZES = {"train": 2_000, "valid": 200, "test": 400}
SEEDS = {"train": 1, "valid": 2, "test": 3}
_ON, _BETWEEN = 0.3, 0.3  # how long a flash lasts and when the second one starts, as parts of a period
_CONTRASTS = (50.0, -50.0)  # of circle and square with the ground; twice as much in a flash
_NOISE = 1 << 41
_DRAWS = 16

# T frames; angles in radians, clockwise on the screen; distances in pixels

Numbers = npt.NDArray[np.float64]


class Motion(NamedTuple):
    """What a clip shows.

    frames      T
    clockwise   +1: the circle goes round clockwise, −1: the square
    order       +1: the circle flashes first, −1: the square
    angles      of circle and square, in the middle of the clip
    speeds      of circle and square, radians per frame
    orbits      the distance of circle and square from the middle
    middle      its y and x
    radius      of the shapes
    place       within the period, in the middle of the clip: 0 to 1
    period      frames
    ground      its grey value
    """

    frames: int
    clockwise: int
    order: int
    angles: tuple[float, float]
    speeds: tuple[float, float]
    orbits: tuple[float, float]
    middle: tuple[float, float]
    radius: float
    place: float
    period: float
    ground: float

    @property
    def label(self) -> str:
        """The class."""
        return CLASSES[2 * (self.clockwise < 0) + (self.order < 0)]


def motion(seed: int, number: int) -> Motion:
    """Return what clip ``number`` shows."""
    draws = iter(uniform(seed, number, np.arange(_DRAWS)).tolist())

    def between(low: float, high: float) -> float:
        return low + (high - low) * next(draws)

    orbits = (between(5.0, 6.5), between(13.5, 15.0))
    return Motion(
        frames=int(between(SHORTEST, LONGEST + 1)),
        clockwise=1 if next(draws) < 0.5 else -1,
        order=1 if next(draws) < 0.5 else -1,
        angles=(between(0, 2 * math.pi), between(0, 2 * math.pi)),
        speeds=(between(0.12, 0.3), between(0.12, 0.3)),
        orbits=orbits if next(draws) < 0.5 else orbits[::-1],
        middle=(between(18.0, 21.0), between(18.0, 21.0)),
        radius=between(3.4, 4.2),
        place=next(draws),
        period=between(8, 11),
        ground=between(100, 150),
    )


def clip(seed: int, number: int) -> tuple[Pixels, str]:
    """Return clip ``number``, frames ``(T, 40, 40, 1)``, and its class."""
    shown = motion(seed, number)
    noise = uniform(seed + _NOISE, number, np.arange(shown.frames * SIDE * SIDE)).reshape(-1, SIDE, SIDE, 1) - 0.5
    return np.clip(draw(shown) + 24 * noise, 0, 255).astype(np.uint8), shown.label


def draw(shown: Motion) -> Numbers:
    """Return the frames ``(T, 40, 40, 1)`` without noise, from 0 to 255."""
    time = np.arange(shown.frames) - (shown.frames - 1) / 2  # 0 in the middle: backwards is −time
    frames = np.full((shown.frames, SIDE, SIDE), shown.ground)
    pixels = np.arange(SIDE)
    place = (shown.order * time / shown.period + shown.place) % 1
    for shape in (0, 1):
        direction = shown.clockwise if shape == 0 else -shown.clockwise
        angle = shown.angles[shape] + direction * shown.speeds[shape] * time
        down = pixels - (shown.middle[0] + shown.orbits[shape] * np.sin(angle))[:, None]  # (T, 40)
        right = pixels - (shown.middle[1] + shown.orbits[shape] * np.cos(angle))[:, None]
        if shape == 0:
            distance = np.hypot(down[:, :, None], right[:, None, :]) - shown.radius
        else:
            distance = np.maximum(abs(down)[:, :, None], abs(right)[:, None, :]) - 0.9 * shown.radius
        flashes = (place - shape * _BETWEEN) % 1 < _ON
        lighter = _CONTRASTS[shape] * np.where(flashes, 2.0, 1.0)[:, None, None]
        grey = np.clip(shown.ground + lighter, 5, 250)
        frames += np.clip(0.5 - distance, 0, 1) * (grey - frames)
    return frames[..., None]

"""Generated pictures: a shape in a colour, anywhere in the picture, before a noisy background with smaller shapes.

The class is colour and shape of the largest one, such as "red circle". Picture n of a part is a pure function of the
seed, the part and n.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from .counter import uniform
from .labelled_pictures import Pictures, of_array
from .pictures import Pixels

SIDE, FINE = 32, 3  # pixels of a side; how much finer they are drawn
COLOURS = {"red": (213, 60, 30), "green": (0, 158, 115), "blue": (20, 100, 200)}
SHAPES = ("circle", "square", "triangle")
SIZES = (2000, 400, 600)  # pictures of each part
DISTRACTORS = 3
_NOISE = 1 << 41
_DRAWS = 4 + 5 * (1 + DISTRACTORS)


@cache
def shapes(seed: int = 0, sizes: tuple[int, int, int] = SIZES) -> tuple[Pictures, Pictures, Pictures]:
    """Generate training, validation and test pictures."""
    train, valid, test = (_part(seed, part, count) for part, count in enumerate(sizes))
    return train, valid, test


def _part(seed: int, part: int, count: int) -> Pictures:
    pixels = np.empty((count, SIDE, SIDE, 3), np.uint8)
    labels = []
    for number in range(count):
        pixels[number], label = draw(seed, part, number)
        labels.append(label)
    return of_array(pixels, labels, ("training", "validation", "test")[part])


def draw(seed: int, part: int, number: int) -> tuple[Pixels, str]:
    """Return a picture ``(32, 32, 3)`` and its class."""
    draws = uniform(seed, part, number, np.arange(_DRAWS)).tolist()
    side = SIDE * FINE
    picture = np.full((side, side, 3), 150 + 90 * draws[0])
    for n in range(DISTRACTORS, -1, -1):  # the largest shape last, above the others
        own = draws[4 + 5 * n : 9 + 5 * n]
        radius = side * (0.2 + 0.12 * own[0] if n == 0 else 0.04 + 0.05 * own[0])
        x, y = (radius + (side - 2 * radius) * own[at] for at in (1, 2))
        if n == 0:
            colour = list(COLOURS)[int(draws[1] * len(COLOURS))]
            shape = SHAPES[int(draws[2] * len(SHAPES))]
        else:
            colour, shape = list(COLOURS)[int(own[3] * 997) % len(COLOURS)], SHAPES[int(own[4] * 997) % len(SHAPES)]
        _paint(picture, shape, x, y, radius, own[3] * 2 * math.pi, COLOURS[colour])
    small = picture.reshape(SIDE, FINE, SIDE, FINE, 3).mean((1, 3))
    noise = 24 * (uniform(seed, _NOISE + part, number, np.arange(SIDE * SIDE)).reshape(SIDE, SIDE, 1) - 0.5)
    return np.clip(small * (0.8 + 0.2 * draws[3]) + noise, 0, 255).astype(np.uint8), f"{colour} {shape}"


def _paint(
    picture: npt.NDArray[np.float64],
    shape: str,
    x: float,
    y: float,
    radius: float,
    turn: float,
    colour: tuple[int, int, int],
) -> None:
    """Paint a circle, or a regular polygon with a corner in the direction ``turn``."""
    top, left = max(0, int(y - radius)), max(0, int(x - radius))
    part = picture[top : int(y + radius) + 2, left : int(x + radius) + 2]
    right = left + np.arange(part.shape[1])[None, :] + 0.5 - x
    down = top + np.arange(part.shape[0])[:, None] + 0.5 - y
    if shape == "circle":
        inside = right**2 + down**2 <= radius**2
    else:
        corners = 4 if shape == "square" else 3
        inside = np.ones(part.shape[:2], np.bool_)
        for n in range(corners):  # a side is a line with the distance r cos(π/n) from the middle
            angle = turn + (2 * n + 1) * math.pi / corners
            inside &= right * math.cos(angle) + down * math.sin(angle) <= radius * math.cos(math.pi / corners)
    part[inside] = colour

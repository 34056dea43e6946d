"""Moving digits (Srivastava et al. 2015, section 4.1): two digits move through a dark frame and bounce off its edges.

A digit is one of MNIST, or a built-in shape. It begins anywhere, moves straight on in a random direction by a tenth of
its free room in each frame, and turns round at the edges. Where digits overlap, the brighter pixel is seen.

Clip n of a stream is a pure function of the seed, the stream and n.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from .counter import uniform
from .pictures import Pixels

# N clips, T frames, S side of a frame, D digits in it, d side of a digit

SIDE, DIGIT = 64, 28  # pixels of a frame's side, of a digit's side
PACE = 0.1  # of the free room, per frame
SHAPES = 120  # built-in shapes of each part
_FINE = 3  # how much finer a shape is drawn
_DRAWS = 8  # random numbers of a digit, of which 4 are used
_SHAPE = 0x5A9E  # random stream of the built-in shapes


def moving(
    digits: Pixels,
    seed: int,
    stream: int,
    numbers: npt.NDArray[np.int64],
    *,
    frames: int = 20,
    count: int = 2,
    side: int = SIDE,
) -> Pixels:
    """Return clips ``(N, T, S, S, 1)``.

    Args:
        digits: the pictures ``(M, d, d)`` to choose from.
        seed: the seed.
        stream: the stream, such as that of the test part.
        numbers: the numbers of the clips, ``(N,)``.
        frames: T.
        count: D.
        side: S.
    """
    draws = uniform(seed, stream, numbers[:, None, None], np.arange(count)[:, None], np.arange(_DRAWS))  # (N, D, 8)
    chosen = (draws[..., 0] * len(digits)).astype(np.int64)
    places = _places(draws[..., 1:3], draws[..., 3] * 2 * math.pi, frames)  # (N, T, D, 2)
    size = digits.shape[1]
    corners = (places * (side - size)).astype(np.int64)
    clips = np.zeros((len(numbers), frames, side, side), np.uint8)
    n, t = np.arange(len(numbers))[:, None, None, None], np.arange(frames)[None, :, None, None]
    for digit in range(count):
        rows = corners[:, :, digit, 0, None, None] + np.arange(size)[:, None]
        columns = corners[:, :, digit, 1, None, None] + np.arange(size)
        where = n, t, rows, columns
        clips[where] = np.maximum(clips[where], digits[chosen[:, digit]][:, None])
    return clips[..., None]


def _places(begin: npt.NDArray[np.float64], angle: npt.NDArray[np.float64], frames: int) -> npt.NDArray[np.float64]:
    """Return the places ``(N, T, D, 2)`` of digits in [0, 1], from those before the first step ``(N, D, 2)``."""
    velocity = PACE * np.stack([np.sin(angle), np.cos(angle)], -1)
    place, found = begin, []
    for _ in range(frames):
        place = place + velocity
        outside = (place <= 0) | (place >= 1)
        place, velocity = np.clip(place, 0, 1), np.where(outside, -velocity, velocity)
        found.append(place)
    return np.stack(found, 1)


@cache
def shapes(part: int) -> Pixels:
    """Return the built-in shapes of a part, ``(120, 28, 28)``: outlines of triangles, squares, pentagons and circles,
    whole or with a gap, in different sizes, turned in different directions."""
    fine = DIGIT * _FINE
    draws = uniform(_SHAPE, part, np.arange(SHAPES)[:, None], np.arange(4))
    y, x = (np.mgrid[:fine, :fine] + 0.5) / _FINE - DIGIT / 2
    pictures = np.empty((SHAPES, DIGIT, DIGIT), np.uint8)
    for number, (kind, size, turn, gap) in enumerate(draws.tolist()):
        radius, corners, turn = 9 + 4.5 * size, 3 + int(kind * 4), turn * 2 * math.pi
        inside = _distance(y, x, corners, turn) <= radius
        hole = _distance(y, x, corners, turn) <= radius - 3.2
        sector = np.cos(np.arctan2(y, x) - turn) > (0.8 if gap < 0.5 else 2)
        drawn = inside & ~hole & ~sector
        pictures[number] = np.round(255 * drawn.reshape(DIGIT, _FINE, DIGIT, _FINE).mean((1, 3)))
    return pictures


def _distance(
    y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], corners: int, turn: float
) -> npt.NDArray[np.float64]:
    """Return for each place the radius of the regular polygon on whose outline it is; more than 5 corners: a circle."""
    if corners > 5:
        return np.asarray(np.hypot(y, x))
    angles = turn + (2 * np.arange(corners) + 1) * math.pi / corners
    sides = [y * math.sin(angle) + x * math.cos(angle) for angle in angles]
    return np.asarray(np.max(sides, 0) / math.cos(math.pi / corners))

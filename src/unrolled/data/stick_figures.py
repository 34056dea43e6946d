"""Stick figures: from the angles of their joints to pictures.

A pose is a row of the numbers `JOINTS`. Angles are in radians, 0 is down for limbs and upright for the body, positive
to the right; elbows and knees are relative to upper arm and thigh. The lowest part is on the ground unless ``height``
is above 0. ``tilt`` turns the whole figure about its feet, which slide so that a lying figure stays in the picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from .pictures import Pixels

SIDE, FINE = 40, 3  # pixels of a side; how much finer figures are drawn
GROUND = 37.0  # its row
JOINTS = ("lean", "arm 1", "elbow 1", "arm 2", "elbow 2", "leg 1", "knee 1", "leg 2", "knee 2", "height", "tilt")
_TORSO, _NECK, _HEAD, _ARM, _LEG, _TALL = 9.0, 3.4, 2.7, 4.6, 5.6, 26.0  # pixels of a figure of scale 1
_MARGIN = 16  # pixels beside a picture that a figure may reach into

Numbers = npt.NDArray[np.float64]

# T frames, J joints


def points(poses: Numbers, x: Numbers, scale: float) -> Numbers:
    """Return where the parts of a figure are, ``(T, 11, 2)``: columns and rows of the head, the neck, the hip, and of
    the elbow, hand, elbow, hand, knee, foot, knee and foot.

    Args:
        poses: ``(T, 11)``, see `JOINTS`.
        x: the column of the feet, ``(T,)``.
        scale: 1: 26 pixels tall.
    """
    lean, arm1, elbow1, arm2, elbow2, leg1, knee1, leg2, knee2, height, tilt = poses.T

    def towards(angle: Numbers, length: float) -> Numbers:
        return length * np.stack([np.sin(angle), np.cos(angle)], axis=1)  # down at angle 0

    hip = np.zeros((len(poses), 2))
    neck = hip - towards(-lean, _TORSO)
    found = [neck - towards(-lean, _NECK), neck, hip]
    for start, length, first, second in (
        (neck, _ARM, arm1, elbow1),
        (neck, _ARM, arm2, elbow2),
        (hip, _LEG, leg1, knee1),
        (hip, _LEG, leg2, knee2),
    ):
        middle = start + towards(first, length)
        found += [middle, middle + towards(first + second, length)]
    figure = scale * np.stack(found, axis=1)
    figure[:, :, 1] -= figure[:, [8, 10], 1].max(1, keepdims=True)  # turned about the lower foot
    cos, sin = np.cos(tilt)[:, None], np.sin(tilt)[:, None]
    columns, rows = figure[:, :, 0] * cos - figure[:, :, 1] * sin, figure[:, :, 1] * cos + figure[:, :, 0] * sin
    rows += GROUND - rows.max(1, keepdims=True) - scale * height[:, None]
    lying = x + scale * _TALL / 2 * np.sign(tilt)  # the middle of the figure if the feet stay
    slide = abs(np.sin(tilt)) * (np.clip(lying, SIDE / 2 - 4, SIDE / 2 + 4) - lying)
    return np.stack([columns + (x + slide)[:, None], rows], axis=2)


def drawn(figure: Numbers, ground: float, grey: float, scale: float) -> Pixels:
    """Return the pictures ``(T, 40, 40)`` of figures ``(T, 11, 2)`` of a grey value before another one."""
    radius, width, wide = scale * _HEAD * FINE, round(1.7 * FINE), SIDE + 2 * _MARGIN
    strip = Image.new("L", (wide * FINE * len(figure), SIDE * FINE), round(ground))  # all of them side by side
    pen, ink = ImageDraw.Draw(strip), round(grey)
    places = FINE * (figure + np.stack([wide * np.arange(len(figure)) + _MARGIN, np.zeros(len(figure))], 1)[:, None])
    for each in places.tolist():
        head, neck, hip, *limbs = map(tuple, each)
        pen.line([neck, hip], ink, width)
        for n, start in enumerate((neck, neck, hip, hip)):
            pen.line([start, *limbs[2 * n : 2 * n + 2]], ink, width, joint="curve")
        pen.ellipse((head[0] - radius, head[1] - radius, head[0] + radius, head[1] + radius), ink)
    pictures = np.asarray(strip.reduce(FINE)).reshape(SIDE, len(figure), wide).swapaxes(0, 1)
    return pictures[:, :, _MARGIN : _MARGIN + SIDE]

"""Generated actions: a stick figure does two to four things one after the other.

    a figure walks to the right, then waves and falls
    a figure runs to the left, then squats, jumps and stands

A clip has a label for each frame, one of `ACTIONS`, and one right sentence. Joints move smoothly: the first frames of
an action lead from the last pose to the new ones, and have the label of the new action. After a fall the clip ends, or
the figure gets up. Clip n is a pure function of the seed and n.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .counter import uniform
from .drawn_clips import drawn_clips
from .pictures import Pixels
from .stick_figures import JOINTS, SIDE, Numbers, drawn, points

ACTIONS = ("stand", "walk", "run", "jump", "wave", "squat", "fall", "rise")
SIZES = {"train": 4_000, "valid": 300, "test": 600}
SEEDS = {"train": 1, "valid": 2, "test": 3}
VERSION = 1  # of the drawings
VERBS = {"stand": "stands", "walk": "walks", "run": "runs", "jump": "jumps", "wave": "waves", "squat": "squats",
         "fall": "falls", "rise": "gets up"}  # fmt: skip
LENGTHS = {"stand": (9, 14), "walk": (12, 18), "run": (10, 14), "jump": (9, 18), "wave": (10, 16), "squat": (9, 18),
           "fall": (10, 14), "rise": (8, 11)}  # frames  # fmt: skip
_SPEEDS = {"walk": 0.55, "run": 1.1}  # pixels per frame of a figure of scale 1
_EDGE = 8.0  # pixels that the feet keep from the sides
_BLEND = 3  # frames until a new action has its own poses
_NOISE = 1 << 41
_DRAWS = 8  # random numbers of a clip, and of an action


class Part(NamedTuple):
    """An action: its name, its number of frames, its side (−1 left, 1 right), and its rate (about 1)."""

    action: str
    frames: int
    side: int
    rate: float

    def words(self) -> str:
        """Return what the sentence says about it."""
        where = " to the right" if self.side > 0 else " to the left"
        return VERBS[self.action] + (where if self.action in _SPEEDS else "")

    def way(self) -> Numbers:
        """Return how far a figure of scale 1 has moved to the right at each frame."""
        speed = self.side * self.rate * _SPEEDS.get(self.action, 0.0)
        return speed * np.arange(1, self.frames + 1, dtype=np.float64)


class Scene(NamedTuple):
    """What a clip shows: the actions, the column where the figure begins, its scale and its grey value, and that of the
    ground.
    """

    parts: list[Part]
    start: float
    scale: float
    grey: float
    ground: float

    def sentence(self) -> str:
        """Return the sentence."""
        first, *others, last = (part.words() for part in self.parts)
        return f"a figure {first}, then {', '.join(others)}{' and ' if others else ''}{last}"

    def labels(self) -> list[str]:
        """Return the label of each frame."""
        return [part.action for part in self.parts for _ in range(part.frames)]


class Acted(NamedTuple):
    """A clip: frames ``(T, 40, 40, 1)``, the label of each frame, and the sentence."""

    frames: Pixels
    labels: list[str]
    sentence: str


def actions(part: str) -> tuple[list[Pixels], list[Scene]]:
    """Return the frames and the contents of the clips of a part: ``train``, ``valid`` or ``test``."""
    seed, count = SEEDS[part], SIZES[part]
    frames = drawn_clips("actions", [VERSION, seed], count, lambda number: clip(seed, number).frames)
    return frames, [scene(seed, number) for number in range(count)]


def clip(seed: int, number: int) -> Acted:
    """Return clip ``number``."""
    shown = scene(seed, number)
    pictures = drawn(figure(shown), shown.ground, shown.grey, shown.scale)
    noise = uniform(seed + _NOISE, number, np.arange(pictures.size)).reshape(pictures.shape) - 0.5
    frames = np.clip(pictures + 24 * noise, 0, 255).astype(np.uint8)[..., None]
    return Acted(frames, shown.labels(), shown.sentence())


def scene(seed: int, number: int) -> Scene:
    """Return what clip ``number`` shows."""
    count, scale, start, grey, ground, *_ = uniform(seed, number, 0, np.arange(_DRAWS)).tolist()
    scale = 0.85 + 0.3 * scale
    room = (SIDE - 2 * _EDGE) / scale
    parts: list[Part] = []
    for n in range(2 + int(3 * count)):
        draws = uniform(seed, number, 1 + n, np.arange(_DRAWS)).tolist()
        before = parts[-1].action if parts else ""
        possible = ["rise"] if before == "fall" else [name for name in ACTIONS if name not in (before, "rise")]
        action = possible[int(len(possible) * draws[0])]
        low, high = LENGTHS[action]
        part = Part(action, low + int((high - low + 1) * draws[1]), 1 if draws[2] < 0.5 else -1, 0.9 + 0.2 * draws[3])
        if action == "rise":
            part = part._replace(side=parts[-1].side)
        if np.ptp(_way([*parts, part], 0.0)) > room:  # it would leave the picture
            part = part._replace(side=-part.side)
        parts.append(part)
    way = scale * _way(parts, 0.0)
    start = _EDGE - way.min() + start * (SIDE - 2 * _EDGE - np.ptp(way))
    return Scene(parts, float(start), scale, 170 + 70 * grey, 20 + 50 * ground)


def figure(shown: Scene) -> Numbers:
    """Return where the parts of the figure are in each frame, see `stick_figures.points`."""
    return points(_poses(shown.parts), shown.start + shown.scale * _way(shown.parts), shown.scale)


def _way(parts: list[Part], *before: float) -> Numbers:
    """Return how far a figure of scale 1 has moved to the right at each frame, after the numbers ``before``."""
    ways, at = [np.array(before)], 0.0
    for part in parts:
        ways.append(at + part.way())
        at = float(ways[-1][-1])
    return np.concatenate(ways)


def _poses(parts: list[Part]) -> Numbers:
    """Return the pose of each frame, ``(T, 11)``, see `stick_figures.JOINTS`."""
    found = [_rest(1)]
    for part in parts:
        poses, last = _MOVEMENTS[part.action](part.frames, part.rate), found[-1][-1]
        poses[:, _ANGLES] *= part.side
        share = np.minimum(np.arange(1, part.frames + 1) / _BLEND, 1)[:, None]
        found.append(share * poses + (1 - share) * last)
    return np.concatenate(found[1:])


# The movements: frames and rate → poses (T, 11) of a figure that faces to the right

_COLUMNS = {name.replace(" ", "_"): n for n, name in enumerate(JOINTS)}
_ANGLES = [n for n, name in enumerate(JOINTS) if name != "height"]
_REST = {"arm_1": 0.2, "arm_2": -0.2, "leg_1": 0.15, "leg_2": -0.15}


def _rest(frames: int, **changes: Numbers | float) -> Numbers:
    """Return poses of a standing figure, with changes to joints."""
    poses = np.zeros((frames, len(JOINTS)))
    for name, value in (_REST | changes).items():
        poses[:, _COLUMNS[name]] = value
    return poses


def _repeats(frames: int, each: float) -> Numbers:
    """Return 0 at rest and 1 at the middle of each of as many whole movements of about ``each`` frames as fit."""
    count = max(1, round(frames / each))
    return abs(np.sin(np.pi * count * np.arange(1, frames + 1) / frames))


def _stand(frames: int, rate: float) -> Numbers:
    sway = 0.08 * np.sin(2 * math.pi * rate * np.arange(1, frames + 1) / 9)
    return _rest(frames, arm_1=0.2 + sway, arm_2=-0.2 - sway)


def _walk(frames: int, rate: float) -> Numbers:
    turn = 2 * math.pi * rate * np.arange(1, frames + 1) / 11
    legs, bent = 0.5 * np.sin(turn), 0.35 * np.cos(turn)
    return _rest(
        frames, lean=0.08, arm_1=-legs, elbow_1=0.25, arm_2=legs, elbow_2=0.25,
        leg_1=legs, knee_1=-np.maximum(bent, 0), leg_2=-legs, knee_2=np.minimum(bent, 0),
    )  # fmt: skip


def _run(frames: int, rate: float) -> Numbers:
    turn = 2 * math.pi * rate * np.arange(1, frames + 1) / 8
    legs, bent = 0.9 * np.sin(turn), 1.2 * np.cos(turn)
    return _rest(
        frames, lean=0.35, arm_1=-legs, elbow_1=1.5, arm_2=legs, elbow_2=1.5, height=1.5 * np.abs(np.sin(turn)),
        leg_1=legs, knee_1=-np.maximum(bent, 0), leg_2=-legs, knee_2=np.minimum(bent, 0),
    )  # fmt: skip


def _jump(frames: int, rate: float) -> Numbers:
    up = _repeats(frames, 9 / rate)
    return _rest(frames, arm_1=0.2 + 1.7 * up, arm_2=-0.2 - 1.7 * up, leg_1=0.15 + 0.3 * up, leg_2=-0.15 - 0.3 * up,
                 height=5 * up)  # fmt: skip


def _wave(frames: int, rate: float) -> Numbers:
    return _rest(frames, arm_1=2.4, elbow_1=0.3 + 0.7 * np.sin(2 * math.pi * rate * np.arange(1, frames + 1) / 5.5))


def _squat(frames: int, rate: float) -> Numbers:
    down = _repeats(frames, 9 / rate)
    return _rest(frames, lean=0.45 * down, arm_1=0.2 + 1.3 * down, arm_2=-0.2 + 1.7 * down, leg_1=0.15 + 1.0 * down,
                 leg_2=-0.15 + 1.0 * down, knee_1=-1.9 * down, knee_2=-1.9 * down)  # fmt: skip


def _fall(frames: int, rate: float) -> Numbers:
    over = np.minimum(rate * np.arange(1, frames + 1) / 8, 1) ** 1.2
    return _rest(frames, tilt=0.5 * math.pi * over, arm_1=0.2 + 2.6 * over, arm_2=-0.2 + 0.2 * over)


def _rise(frames: int, rate: float) -> Numbers:
    over = 1 - np.arange(1, frames + 1) / frames
    bent = np.sin(np.pi * over)
    return _rest(frames, tilt=0.5 * math.pi * over, arm_1=0.2 + 2.6 * over, arm_2=-0.2 + 0.2 * over,
                 leg_1=0.15 + 0.9 * bent, knee_1=-1.7 * bent)  # fmt: skip


_MOVEMENTS = {"stand": _stand, "walk": _walk, "run": _run, "jump": _jump, "wave": _wave, "squat": _squat,
              "fall": _fall, "rise": _rise}  # fmt: skip

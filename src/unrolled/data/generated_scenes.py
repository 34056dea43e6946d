"""Generated scenes: two or three drawn objects and captions that name their colours, sizes, shapes and relations.

    a red circle left of a small blue square above a green triangle

The objects lie in cells of a 3 × 3 grid and are named in reading order: "left of" the next object in the same row,
"above" an object in a lower row. So a scene has one right caption. Where each object is, is known, so it can be checked
whether attention is on the object that a word names. Four combinations of colour and shape do not
occur in training: ``scenes-unseen`` has scenes with at least one of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .captioned import Captioned, Named
from .counter import uniform
from .pictures import Pixels

SIDE, CELL = 48, 16  # pixels of a scene and of a cell
RADIUS, SMALL = 6, 4  # of an object
COLOURS = {
    "red": (213, 62, 40),
    "green": (20, 150, 90),
    "blue": (30, 90, 200),
    "yellow": (240, 215, 50),
    "purple": (150, 60, 160),
}
SHAPES = ("circle", "square", "triangle", "cross")
UNSEEN = frozenset({("blue", "triangle"), ("red", "cross"), ("yellow", "square"), ("green", "circle")})
SIZES = {"train": 8_000, "valid": 400, "test": 500, "unseen": 500}
_STREAMS = {"train": 1, "valid": 2, "test": 3, "unseen": 4}
_DRAWS = 64  # random numbers of an attempt


class Thing(NamedTuple):
    """An object of a scene: colour, shape, whether it is small, and its centre in pixels."""

    colour: str
    shape: str
    small: bool
    y: int
    x: int

    @property
    def radius(self) -> int:
        return SMALL if self.small else RADIUS

    def words(self) -> list[str]:
        return ["a", *(["small"] if self.small else []), self.colour, self.shape]


def scenes(part: str, count: int | None = None) -> Captioned:
    """Return the scenes of a part: ``train``, ``valid``, ``test`` or ``unseen``; ``count`` for fewer of them."""
    count = SIZES[part] if count is None else count
    pixels = np.empty((count, SIDE, SIDE, 3), np.uint8)
    names, captions, named, number = list[str](), list[list[str]](), list[list[Named]](), 0
    while len(names) < count:
        draws = uniform(_STREAMS[part], number, np.arange(_DRAWS)).tolist()
        number += 1
        things = _things(draws)
        if any((thing.colour, thing.shape) in UNSEEN for thing in things) != (part == "unseen"):
            continue
        pixels[len(names)] = draw(things, _STREAMS[part] * 1_000_003 + number)
        words, of = _caption(things)
        captions.append([" ".join(words)])
        named.append([Named(of, [_box(thing) for thing in things])])
        names.append(f"{part} {len(names) + 1}")
    return Captioned(names, captions, pixels, named)


def _things(draws: list[float]) -> list[Thing]:
    """Return two or three different objects in different cells, in reading order."""
    at = iter(draws)
    cells = sorted(np.argsort([next(at) for _ in range(9)])[: 2 if next(at) < 0.5 else 3].tolist())
    things: list[Thing] = []
    for cell in cells:
        room = CELL // 2 - RADIUS
        y, x = (CELL // 2 + CELL * place + round((2 * next(at) - 1) * room) for place in divmod(cell, 3))
        thing = Thing("", "", next(at) < 0.35, y, x)
        while not thing.colour or any(thing[:2] == other[:2] for other in things):
            colour, shape = [*COLOURS][int(len(COLOURS) * next(at))], SHAPES[int(len(SHAPES) * next(at))]
            thing = thing._replace(colour=colour, shape=shape)
        things.append(thing)
    return things


def _caption(things: list[Thing]) -> tuple[list[str], list[int]]:
    """Return the words of a caption, and for each word the number of the object whose colour or shape it is, or −1."""
    words, of = list[str](), list[int]()
    for n, thing in enumerate(things):
        beside = n and thing.y // CELL == things[n - 1].y // CELL
        relation = [] if not n else ["left", "of"] if beside else ["above"]
        own = thing.words()
        words += [*relation, *own]
        of += [-1] * (len(relation) + len(own) - 2) + [n, n]
    return words, of


def _box(thing: Thing) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom as fractions of the picture."""
    r = thing.radius
    left, top, right, bottom = (v / SIDE for v in (thing.x - r, thing.y - r, thing.x + r + 1, thing.y + r + 1))
    return left, top, right, bottom


def draw(things: list[Thing], seed: int) -> Pixels:
    """Return the pixels ``(SIDE, SIDE, 3)`` of objects on a light, slightly noisy ground."""
    noise = uniform(seed, np.arange(SIDE * SIDE + 1))
    ground = 225 + 20 * noise[0] + 10 * (noise[1:].reshape(SIDE, SIDE) - 0.5)
    pixels = np.repeat(ground[:, :, None], 3, axis=2)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for thing in things:
        pixels[_inside(thing, rows - thing.y, columns - thing.x)] = COLOURS[thing.colour]
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _inside(thing: Thing, dy: npt.NDArray[np.int64], dx: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    r = thing.radius
    square = (abs(dy) <= r) & (abs(dx) <= r)
    match thing.shape:
        case "circle":
            return dy**2 + dx**2 <= r * r + 1
        case "square":
            return square & (abs(dy) < r) & (abs(dx) < r)
        case "triangle":
            return square & (2 * abs(dx) <= dy + r)
        case _:
            return square & ((abs(dy) <= r // 3) | (abs(dx) <= r // 3))

"""unrolled lab error-surface: the wall in the loss of a recurrent network, and what clipping does at it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...cells import check_size
from ...errors import ArgumentError
from ...lab.error_surface import Array, Descent, Unit, descend
from ...lab.error_surface_picture import draw
from ..arguments import Schema, parse
from ..terminal.reporters import emit
from ..terminal.tables import show_pairs, show_table
from .kept import Kept

PROG = "unrolled lab error-surface"
ABOUT = (
    "A recurrent network of one unit, x ← w σ(x) + b, is to stand at a goal after fifty steps. Its error has a wall "
    "over w and b (Pascanu, Mikolov and Bengio 2013, figure 6): descent that meets it is thrown far away, unless the "
    "gradient is clipped. The same descents are made both ways from many points near --at."
)
BOX = (3.5, 7.5, -3.6, -0.8)  # of w and of b, in the picture
FAR = 10.0  # a step longer than this has left the picture


@dataclass(frozen=True, kw_only=True)
class ErrorSurface:
    """The unit, and how it descends."""

    unroll: int = 50
    """steps of the network"""
    goal: float = 0.7
    """what σ(x) is to be at the end, between 0 and 1"""
    start: float = 0.5
    """x before the first step"""
    at: tuple[float, float] = (5.5, -2.0)
    """w and b at which the drawn descent begins"""
    lr: float = 0.5
    """learning rate"""
    clip: float = 0.5
    """norm at which gradients are clipped"""
    steps: int = 300
    """of descent"""
    starts: int = 200
    """descents counted, from points drawn within 0.1 of --at"""
    seed: int = 0
    """of those points"""
    out: str | None = None
    """folder for the picture, the numbers and the command (default: lab/error-surface)"""
    json: bool = False
    """print one JSON object"""

    def __post_init__(self) -> None:
        for name in ("unroll", "steps", "starts"):
            check_size(name, getattr(self, name))
        check_size("seed", self.seed, least=0)
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ArgumentError(name, "a number above 0", getattr(self, name))
        if not all(map(math.isfinite, (*self.at, self.start))):
            raise ArgumentError("at", "finite numbers", self.at)


def run(argv: list[str]) -> int:
    """The experiment."""
    options = parse(ErrorSurface, argv, PROG, ABOUT)
    with Schema(ErrorSurface, PROG).names():
        unit = Unit(options.start, options.goal, options.unroll)
        kept = Kept("error-surface", argv, options.out)
        points = _starts(options)
        walks = {
            name: descend(unit, points, options.lr, options.steps, clip)
            for name, clip in (("not clipped", None), (f"clipped at {options.clip:g}", options.clip))
        }
        free, clipped = walks.values()
        kept.picture(lambda path: draw(unit, free, clipped, options.clip, BOX, path))
        kept.table(("descent", "step", "w", "b", "error", "gradient norm"), _rows(walks))
    told = {name: _told(walk) for name, walk in walks.items()}
    if options.json:
        emit("error-surface", starts=options.starts, steps=options.steps, descents=told, files=dict(kept.told))
        return 0
    header = ("descent", "error at the end", "reach 0.001", "longest step", f"of {options.starts}: step above {FAR:g}",
              "largest gradient")  # fmt: skip
    rows = [
        (
            name,
            f"{one['error']:.2g}",
            f"{one['solved']}",
            f"{one['longest']:.3g}",
            f"{one['far']}",
            f"{one['norm']:.3g}",
        )
        for name, one in told.items()
    ]
    show_table(header, rows, right=header[1:])
    print()
    show_pairs(kept.told)
    return 0


def _starts(options: ErrorSurface) -> Array:
    """``(2, P)``: --at, then points near it."""
    near = np.random.default_rng(options.seed).uniform(-0.1, 0.1, (2, options.starts))
    near[:, 0] = 0
    return np.asarray(np.array(options.at)[:, None] + near)


def _told(walk: Descent) -> dict[str, float]:
    """Of all descents: medians, the longest step, and how many left."""
    return {
        "error": float(np.median(walk.errors[-1])),
        "solved": int((walk.errors[-1] < 1e-3).sum()),
        "longest": float(walk.longest.max()),
        "far": int((walk.longest > FAR).sum()),
        "norm": float(walk.norms.max()),
    }


def _rows(walks: dict[str, Descent]) -> list[tuple[object, ...]]:
    """The drawn descents, step by step."""
    return [
        (name, n, *walk.points[n, :, 0], walk.errors[n, 0], walk.norms[n, 0] if n < len(walk.norms) else "")
        for name, walk in walks.items()
        for n in range(len(walk.points))
    ]

"""unrolled lab error-surface: the wall in a recurrent network's loss, and gradient clipping."""

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
from .experiment_folder import ExperimentFolder

PROG = "unrolled lab error-surface"
ABOUT = (
    "Train a recurrent network of one unit, x ← w σ(x) + b, to reach a target after 50 steps. Its error as a function "
    "of w and b has a wall (Pascanu, Mikolov and Bengio 2013, figure 6): gradient descent that hits it is thrown far "
    "away, unless the gradient is clipped. Compare descents with and without clipping from many points near --at."
)
BOX = (3.5, 7.5, -3.6, -0.8)  # range of w and of b in the picture
FAR = 10.0  # a step longer than this leaves the picture


@dataclass(frozen=True, kw_only=True)
class ErrorSurface:
    """The unit, and gradient descent on its error."""

    unroll: int = 50
    """time steps of the network"""
    goal: float = 0.7
    """target for σ(x) after the last step, between 0 and 1"""
    start: float = 0.5
    """initial state x"""
    at: tuple[float, float] = (5.5, -2.0)
    """initial w and b of the descent that is drawn"""
    lr: float = 0.5
    """learning rate"""
    clip: float = 0.5
    """maximum gradient norm"""
    steps: int = 300
    """steps of gradient descent"""
    starts: int = 200
    """number of descents, from random points within 0.1 of --at"""
    seed: int = 0
    """random seed"""
    out: str | None = None
    """output folder (default: lab/error-surface)"""
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
    """Run the experiment and return the exit status."""
    options = parse(ErrorSurface, argv, PROG, ABOUT)
    with Schema(ErrorSurface, PROG).names():
        unit = Unit(options.start, options.goal, options.unroll)
        folder = ExperimentFolder("error-surface", argv, options.out)
        points = _starts(options)
        descents = {
            name: descend(unit, points, options.lr, options.steps, clip)
            for name, clip in (("not clipped", None), (f"clipped at {options.clip:g}", options.clip))
        }
        free, clipped = descents.values()
        folder.picture(lambda path: draw(unit, free, clipped, options.clip, _box(options), path))
        folder.table(("descent", "step", "w", "b", "error", "gradient norm"), _rows(descents))
    results = {name: _statistics(descent) for name, descent in descents.items()}
    if options.json:
        emit("error-surface", starts=options.starts, steps=options.steps, descents=results, files=dict(folder.summary))
        return 0
    header = ("descent", "error at the end", "reach 0.001", "longest step", f"of {options.starts}: step above {FAR:g}",
              "largest gradient")  # fmt: skip
    rows = [
        (
            name,
            f"{result['error']:.2g}",
            f"{result['solved']}",
            f"{result['longest']:.3g}",
            f"{result['far']}",
            f"{result['norm']:.3g}",
        )
        for name, result in results.items()
    ]
    show_table(header, rows, right=header[1:])
    print()
    show_pairs(folder.summary)
    return 0


def _box(options: ErrorSurface) -> tuple[float, float, float, float]:
    """Return `BOX`, widened if necessary to include --at."""
    (w, b), (left, right, low, high) = options.at, BOX
    return min(left, w - 0.5), max(right, w + 0.5), min(low, b - 0.3), max(high, b + 0.3)


def _starts(options: ErrorSurface) -> Array:
    """Return ``(2, P)``: --at, then random points near it."""
    near = np.random.default_rng(options.seed).uniform(-0.1, 0.1, (2, options.starts))
    near[:, 0] = 0
    return np.asarray(np.array(options.at)[:, None] + near)


def _statistics(descent: Descent) -> dict[str, float]:
    """Return statistics of all descents: median error, number solved, longest step, number far away, largest norm."""
    return {
        "error": float(np.median(descent.errors[-1])),
        "solved": int((descent.errors[-1] < 1e-3).sum()),
        "longest": float(descent.longest.max()),
        "far": int((descent.longest > FAR).sum()),
        "norm": float(descent.norms.max()),
    }


def _rows(descents: dict[str, Descent]) -> list[tuple[object, ...]]:
    """Return the rows of the CSV: the drawn descents, step by step."""
    return [
        (name, n, *descent.points[n, :, 0], descent.errors[n, 0], descent.norms[n, 0] if n < len(descent.norms) else "")
        for name, descent in descents.items()
        for n in range(len(descent.points))
    ]

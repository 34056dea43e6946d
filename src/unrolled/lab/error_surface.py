"""The error surface of a recurrent network with one unit, and gradient descent on it with and without clipping.

Pascanu, Mikolov and Bengio 2013, section 2.3 and figure 6. One unit starts at x_0 and is trained to reach the target y
after T steps, without inputs:

    (1)  x_t = w σ(x_{t-1}) + b
    (2)  E   = (σ(x_T) − y)²
    (3)  ∂x_t/∂w = σ(x_{t-1}) + w σ'(x_{t-1}) ∂x_{t-1}/∂w,   ∂x_t/∂b = 1 + w σ'(x_{t-1}) ∂x_{t-1}/∂b
    (4)  ∂E/∂θ = 2 (σ(x_T) − y) σ'(x_T) ∂x_T/∂θ
    (5)  θ ← θ − η g,   g = ∂E/∂θ · min(1, c/‖∂E/∂θ‖)                                           clipped to norm c

For w > 4 there are biases b for which (1) has two attractors. Where x_0 crosses the boundary of their basins, the
product of T slopes w σ' > 1 makes a wall in E, whose steepness grows exponentially with T.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cells import check_size
from ..checks import checked
from ..errors import ArgumentError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Unit:
    """The network and its target: x_0, y and T."""

    start: float = 0.5
    goal: float = 0.7
    steps: int = 50

    def __post_init__(self) -> None:
        check_size("steps", self.steps)
        if not 0 < self.goal < 1:
            raise ArgumentError("goal", "between 0 and 1, the range of σ", self.goal)

    def error(self, w: Array, b: Array) -> tuple[Array, Array]:
        """Return E ``(…)`` and its gradient ``(2, …)`` with respect to ``w (…)`` and ``b (…)``, (1) to (4)."""
        x = np.full(w.shape, self.start)
        dx_dw, dx_db = np.zeros(w.shape), np.zeros(w.shape)
        for _ in range(self.steps):
            s = sigmoid(x)
            slope = w * s * (1 - s)
            dx_dw, dx_db = s + slope * dx_dw, 1 + slope * dx_db  # (3)
            x = w * s + b  # (1)
        s = sigmoid(x)
        return (s - self.goal) ** 2, 2 * (s - self.goal) * s * (1 - s) * np.stack([dx_dw, dx_db])  # (2), (4)


@dataclass(frozen=True)
class Descent:
    """P descents in parallel.

    Attributes:
        points: ``(N + 1, 2, P)``, w and b before each step and after the last.
        errors: ``(N + 1, P)``, E at the points.
        norms: ``(N, P)``, norms of the gradients before clipping.
    """

    points: Array
    errors: Array
    norms: Array

    @property
    def longest(self) -> Array:
        """``(P,)``, the longest step of each descent."""
        return np.asarray(np.linalg.norm(np.diff(self.points, axis=0), axis=1).max(0))


@checked
def descend(unit: Unit, points: Array, lr: float, count: int, clip: float | None) -> Descent:
    """Run gradient descent (5) from each of the ``points``.

    Args:
        unit: the network.
        points: ``(2, P)``, initial w and b.
        lr: learning rate η.
        count: number of steps N.
        clip: maximum norm c; `None`: no clipping.
    """
    path, errors, norms = [points], list[Array](), list[Array]()
    for _ in range(count):
        error, gradient = unit.error(*path[-1])
        norm = np.linalg.norm(gradient, axis=0)
        factor = 1.0 if clip is None else np.minimum(1, clip / np.maximum(norm, 1e-300))
        path.append(path[-1] - lr * factor * gradient)  # (5)
        errors.append(error)
        norms.append(norm)
    errors.append(unit.error(*path[-1])[0])
    return Descent(np.stack(path), np.stack(errors), np.stack(norms))


def sigmoid(x: Array) -> Array:
    """Return the logistic function σ, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))

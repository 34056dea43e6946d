"""The error surface of a recurrent network with one unit, its wall, and descent with and without clipping.

Pascanu, Mikolov and Bengio 2013, section 2.3 and figure 6. One unit is started at x_0 and asked to stand at y after T
steps, without any input:

    (1)  x_t = w σ(x_{t-1}) + b
    (2)  E   = (σ(x_T) − y)²
    (3)  ∂x_t/∂w = σ(x_{t-1}) + w σ'(x_{t-1}) ∂x_{t-1}/∂w,   ∂x_t/∂b = 1 + w σ'(x_{t-1}) ∂x_{t-1}/∂b
    (4)  ∂E/∂θ = 2 (σ(x_T) − y) σ'(x_T) ∂x_T/∂θ
    (5)  θ ← θ − η g,   g = ∂E/∂θ · min(1, c/‖∂E/∂θ‖)                                           clipped at the norm c

For w > 4 there are biases for which (1) has two attractors. Where x_0 passes from one to the other's basin, T products
of slopes w σ' above one make a wall in E, as steep as they are many.
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
    """The network and its task: x_0, y and T."""

    start: float = 0.5
    goal: float = 0.7
    steps: int = 50

    def __post_init__(self) -> None:
        check_size("steps", self.steps)
        if not 0 < self.goal < 1:
            raise ArgumentError("goal", "between 0 and 1, as σ is", self.goal)

    def error(self, w: Array, b: Array) -> tuple[Array, Array]:
        """E ``(…)`` and its gradient ``(2, …)`` by w and b, (1) to (4); ``w`` and ``b`` are of one shape."""
        x = np.full(w.shape, self.start)
        by_w, by_b = np.zeros(w.shape), np.zeros(w.shape)
        for _ in range(self.steps):
            s = sigmoid(x)
            slope = w * s * (1 - s)
            by_w, by_b = s + slope * by_w, 1 + slope * by_b  # (3)
            x = w * s + b  # (1)
        s = sigmoid(x)
        return (s - self.goal) ** 2, 2 * (s - self.goal) * s * (1 - s) * np.stack([by_w, by_b])  # (2), (4)


@dataclass(frozen=True)
class Descent:
    """Descents side by side, P of them.

    Attributes:
        points: ``(N + 1, 2, P)``: w and b before each step, and after the last.
        errors: ``(N + 1, P)``.
        norms: ``(N, P)``, of the gradients before clipping.
    """

    points: Array
    errors: Array
    norms: Array

    @property
    def longest(self) -> Array:
        """``(P,)``: the longest step of each."""
        return np.asarray(np.linalg.norm(np.diff(self.points, axis=0), axis=1).max(0))


@checked
def descend(unit: Unit, points: Array, lr: float, count: int, clip: float | None) -> Descent:
    """Gradient descent (5) from each of the ``points (2, P)``.

    Args:
        unit: whose error.
        points: w and b.
        lr: η.
        count: N steps.
        clip: c; `None`: g is the gradient as it is.
    """
    walked, errors, norms = [points], list[Array](), list[Array]()
    for _ in range(count):
        error, gradient = unit.error(*walked[-1])
        norm = np.linalg.norm(gradient, axis=0)
        factor = 1.0 if clip is None else np.minimum(1, clip / np.maximum(norm, 1e-300))
        walked.append(walked[-1] - lr * factor * gradient)  # (5)
        errors.append(error)
        norms.append(norm)
    errors.append(unit.error(*walked[-1])[0])
    return Descent(np.stack(walked), np.stack(errors), np.stack(norms))


def sigmoid(x: Array) -> Array:
    """``σ``, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))

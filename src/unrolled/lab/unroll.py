"""A small vanilla network unrolled over a few steps, with the values and gradients of every node.

The equations and their numbers are those of `lab.bptt` (Goodfellow, Bengio and Courville 2016, section 10.2.2).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import Size, checked
from ..errors import ArgumentError, DataError
from .bptt import Array, Errors, Pass, Weights, forward, sums, through_time

MOST_STEPS, MOST_NUMBERS = 24, 12  # limits of a readable picture
LARGEST_FILE = 1 << 20

# T steps, I inputs, H hidden units, K classes; batch size 1

WORKED = Weights(  # an example for pencil and paper
    U=np.array([[0.5, 0.4], [0.4, 0.6]]),
    W=np.array([[0.4, 0.5], [0.3, 0.5]]),
    V=np.array([[0.4, 0.7], [0.3, 0.1]]),
    b=np.zeros(2),
    c=np.zeros(2),
)
WORKED_INPUTS, WORKED_STATE, WORKED_TARGETS = ((0.4, 0.2), (0.5, 0.4)), (0.3, 0.8), (0, 1)


@dataclass(frozen=True)
class Unrolled:
    """The values and gradients of every node.

    Attributes:
        weights: the parameters.
        x: ``(T, 1, I)``.
        y: ``(T, 1)``, the target classes.
        done: the forward pass.
        errors: the gradients of L with respect to every node.
        gradients: the gradients of L with respect to the parameters.
        symbols: the character of each input and class; empty for vectors.
    """

    weights: Weights
    x: Array
    y: NDArray[np.int64]
    done: Pass
    errors: Errors
    gradients: Weights
    symbols: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """T."""
        return len(self.x)

    @property
    def a(self) -> Array:
        """``(T, H)``: the preactivations, (10.8)."""
        w, h = self.weights, self.done.h
        return np.asarray(w.b + h[:-1, 0] @ w.W.T + self.x[:, 0] @ w.U.T)

    @property
    def o(self) -> Array:
        """``(T, K)``: (10.10)."""
        return np.asarray(self.weights.c + self.done.h[1:, 0] @ self.weights.V.T)

    @property
    def losses(self) -> Array:
        """``(T,)``: the terms of (10.14)."""
        return np.asarray(-np.log(self.done.y_hat[np.arange(self.steps), 0, self.y[:, 0]]))


@checked
def unroll(weights: Weights, x: Array, y: NDArray[np.int64], h_0: Array, symbols: tuple[str, ...] = ()) -> Unrolled:
    """Run the network forward and backward.

    Args:
        weights: the parameters.
        x: ``(T, I)``.
        y: ``(T,)``, the target class of every step.
        h_0: ``(H,)``.
        symbols: the characters of inputs and classes, if any.

    Raises:
        ArgumentError: an argument does not fit the weights, or is too large for a readable picture.
    """
    H, I = weights.U.shape
    K = len(weights.c)
    for name, size in (("inputs", I), ("hidden units", H), ("classes", K)):
        if size > MOST_NUMBERS:
            raise ArgumentError("weights", f"at most {MOST_NUMBERS} {name}, to be readable", size)
    if not 1 <= len(x) <= MOST_STEPS:
        raise ArgumentError("vectors", f"1 to {MOST_STEPS} steps, to be readable", len(x))
    if x.shape[1] != I:
        raise ArgumentError("vectors", f"{I} numbers each, to fit the weights", x.shape[1])
    if h_0.shape != (H,):
        raise ArgumentError("state", f"{H} numbers, one for each hidden unit", len(h_0))
    if y.shape != (len(x),) or y.min() < 0 or y.max() >= K:
        raise ArgumentError("targets", f"{len(x)} classes from 0 to {K - 1}, one for each step", y.tolist())
    x, y = x[:, None], y[:, None]
    done = forward(weights, x, y, h_0[None])
    errors = through_time(weights, y, done)
    return Unrolled(weights, x, y, done, errors, sums(x, done, errors), symbols)


@checked
def of_text(text: str, hidden_size: Size, seed: int) -> Unrolled:
    """Unroll a network with random weights that reads one-hot characters and predicts the next.

    Raises:
        ArgumentError: the text has fewer than two characters, or too many (distinct) ones for a readable picture.
    """
    symbols = tuple(dict.fromkeys(text))
    if len(text) < 2:
        raise ArgumentError("text", "at least two characters", text)
    if len(symbols) > MOST_NUMBERS or len(text) > MOST_STEPS + 1:
        expected = f"at most {MOST_STEPS + 1} characters, {MOST_NUMBERS} of them distinct, to be readable"
        raise ArgumentError("text", expected, f"{len(text)}, {len(symbols)} distinct")
    ids = np.array([symbols.index(character) for character in text])
    weights = random_weights(len(symbols), hidden_size, len(symbols), seed)
    return unroll(weights, np.eye(len(symbols))[ids[:-1]], ids[1:], np.zeros(hidden_size), symbols)


def number(value: float) -> str:
    """Format a value for the terminal and the picture."""
    return f"{value:z.4f}".replace("-", "−")


def random_weights(I: int, H: int, K: int, seed: int) -> Weights:
    """Return weights from N(0, 1/2), rounded to one decimal to be copied by hand, and zero biases."""
    generator = np.random.default_rng(seed)
    U, W, V = (np.round(generator.normal(0, 0.5**0.5, shape), 1) for shape in ((H, I), (H, H), (K, H)))
    return Weights(U, W, V, np.zeros(H), np.zeros(K))


def read_weights(path: Path) -> Weights:
    """Read weights from a JSON object with U (H × I), W (H × H), V (K × H), and optionally b (H) and c (K).

    Raises:
        DataError: the file cannot be read, or its content is invalid.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(f"{path} is larger than {LARGEST_FILE >> 20} MB; give a small network")
        found: Any = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; name a JSON file of weights") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict) or not {"U", "W", "V"} <= set(found) <= {field.name for field in fields(Weights)}:
        raise DataError(f'{path} must hold an object with "U", "W" and "V", and may have "b" and "c"')
    try:
        parts = {name: np.array(values, dtype=np.float64) for name, values in found.items()}
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} must hold rows of numbers of equal length") from error
    H, K = len(np.atleast_1d(parts["W"])), len(np.atleast_1d(parts["V"]))
    parts = {"b": np.zeros(H), "c": np.zeros(K), **parts}
    I = parts["U"].shape[-1] if parts["U"].ndim else 0
    shapes = {"U": (H, I), "W": (H, H), "V": (K, H), "b": (H,), "c": (K,)}
    for name, shape in shapes.items():
        if parts[name].shape != shape or not np.isfinite(parts[name]).all() or not parts[name].size:
            raise DataError(f"{path}: {name} must be {' × '.join(map(str, shape))} finite numbers")
    return Weights(**parts)

"""Backpropagation through time in closed form, for a vanilla RNN with softmax outputs.

Equations and their numbers are those of Goodfellow, Bengio and Courville 2016, section 10.2.2. The implementation is
float64 NumPy without automatic differentiation.

    forward     (10.8)   a_t = b + W h_{t-1} + U x_t
                (10.9)   h_t = tanh(a_t)
                (10.10)  o_t = c + V h_t
                (10.11)  ŷ_t = softmax(o_t)
                (10.14)  L   = −Σ_t log ŷ_t[y_t]
    backward    (10.18)  ∇_{o_t} L = ŷ_t − 1_{y_t}
                (10.19)  ∇_{h_τ} L = Vᵀ ∇_{o_τ} L                                                    at the last step τ
                (10.21)  ∇_{h_t} L = Wᵀ diag(1 − h²_{t+1}) ∇_{h_{t+1}} L + Vᵀ ∇_{o_t} L                  before it
                (10.22)  ∇_c L = Σ_t ∇_{o_t} L
                (10.23)  ∇_b L = Σ_t diag(1 − h_t²) ∇_{h_t} L
                (10.24)  ∇_V L = Σ_t (∇_{o_t} L) h_tᵀ
                (10.26)  ∇_W L = Σ_t diag(1 − h_t²) (∇_{h_t} L) h_{t-1}ᵀ
                (10.28)  ∇_U L = Σ_t diag(1 − h_t²) (∇_{h_t} L) x_tᵀ

The gradient with respect to the state before the first step follows as in (10.21):
∇_{h_0} L = Wᵀ diag(1 − h_1²) ∇_{h_1} L.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..checks import checked
from ..errors import ArgumentError, ShapeError

Array = NDArray[np.float64]

# T steps, B lanes (batch rows), I inputs, H hidden units, K classes


@dataclass(frozen=True)
class Weights:
    """The parameters, and also their gradients: ``U (H, I)``, ``W (H, H)``, ``V (K, H)``, ``b (H,)``, ``c (K,)``."""

    U: Array
    W: Array
    V: Array
    b: Array
    c: Array

    def __add__(self, other: Weights) -> Weights:
        return Weights(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


@dataclass(frozen=True)
class Pass:
    """The results of a forward pass: loss L, ``h (T+1, B, H)`` from the initial state on, ``ŷ (T, B, K)``."""

    loss: float
    h: Array
    y_hat: Array


def softmax(o: Array) -> Array:
    """Return ``exp(o) / Σ exp(o)`` over the last dimension, shifted by the maximum against overflow."""
    e = np.exp(o - o.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@checked
def forward(weights: Weights, x: Array, y: NDArray[np.int64], h_0: Array) -> Pass:
    """Run the network forward: equations (10.8) to (10.14).

    Args:
        weights: the parameters.
        x: ``(T, B, I)``.
        y: ``(T, B)``, the target class of every step.
        h_0: ``(B, H)``, the state before the first step.

    Raises:
        ShapeError: the arrays do not fit together.
    """
    T, B, H = x.shape[0], x.shape[1], weights.W.shape[0]
    if y.shape != (T, B) or h_0.shape != (B, H):
        raise ShapeError(f"y must be ({T}, {B}) and h_0 ({B}, {H}), got {y.shape} and {h_0.shape}")
    h = np.empty((T + 1, B, H))
    h[0] = h_0
    for t in range(1, T + 1):
        a = weights.b + h[t - 1] @ weights.W.T + x[t - 1] @ weights.U.T  # (10.8)
        h[t] = np.tanh(a)  # (10.9)
    o = weights.c + h[1:] @ weights.V.T  # (10.10)
    y_hat = softmax(o)  # (10.11)
    right = np.take_along_axis(y_hat, y[:, :, None], axis=-1)
    return Pass(float(-np.log(right).sum()), h, y_hat)  # (10.14)


@dataclass(frozen=True)
class Errors:
    """The gradients of L with respect to every node: ``o (T, B, K)``, ``h`` and ``a (T, B, H)``, ``h_0 (B, H)``."""

    o: Array
    h: Array
    a: Array
    h_0: Array


def through_time(weights: Weights, y: NDArray[np.int64], done: Pass) -> Errors:
    """Return the gradients with respect to the nodes, (10.18) to (10.21), from the last step to the first."""
    h = done.h
    grad_o = done.y_hat - np.eye(weights.c.size)[y]  # (10.18)
    grad_h = np.empty_like(h[1:])
    carried = np.zeros_like(h[0])  # the gradient that reaches h_t from step t+1; zero at the last step
    for t in reversed(range(len(grad_h))):
        grad_h[t] = carried + grad_o[t] @ weights.V  # (10.19), (10.21)
        carried = ((1 - h[t + 1] ** 2) * grad_h[t]) @ weights.W
    return Errors(grad_o, grad_h, (1 - h[1:] ** 2) * grad_h, carried)


def sums(x: Array, done: Pass, errors: Errors) -> Weights:
    """Return the gradients of L with respect to the parameters, (10.22) to (10.28)."""
    h = done.h
    return Weights(
        U=np.einsum("tbh,tbi->hi", errors.a, x),  # (10.28)
        W=np.einsum("tbh,tbj->hj", errors.a, h[:-1]),  # (10.26)
        V=np.einsum("tbk,tbh->kh", errors.o, h[1:]),  # (10.24)
        b=errors.a.sum(axis=(0, 1)),  # (10.23)
        c=errors.o.sum(axis=(0, 1)),  # (10.22)
    )


@checked
def backward(weights: Weights, x: Array, y: NDArray[np.int64], done: Pass) -> tuple[Weights, Array]:
    """Return the gradients of L, (10.18) to (10.28), with respect to parameters and initial state ``(B, H)``."""
    errors = through_time(weights, y, done)
    return sums(x, done, errors), errors.h_0


@checked
def bptt(weights: Weights, x: Array, y: NDArray[np.int64], h_0: Array) -> tuple[float, Weights, Array]:
    """Return the loss and its gradients with respect to parameters and initial state, through the whole sequence."""
    done = forward(weights, x, y, h_0)
    return done.loss, *backward(weights, x, y, done)


@checked
def truncated_bptt(weights: Weights, x: Array, y: NDArray[np.int64], h_0: Array, window: int) -> tuple[float, Weights]:
    """Return loss and gradients of truncated backpropagation in windows of ``window`` steps (Williams and Peng 1990).

    The state is carried from window to window, gradients are not. The loss is that of the whole sequence (summed in
    another order); the gradients lack the terms through the carried state.

    Raises:
        ArgumentError: ``window`` is less than 1.
    """
    if window < 1:
        raise ArgumentError("window", "at least 1", window)
    total, gradients = 0.0, Weights(*(np.zeros_like(getattr(weights, field.name)) for field in fields(weights)))
    for begin in range(0, len(x), window):
        part = slice(begin, begin + window)
        done = forward(weights, x[part], y[part], h_0)
        total, gradients = total + done.loss, gradients + backward(weights, x[part], y[part], done)[0]
        h_0 = done.h[-1]
    return total, gradients

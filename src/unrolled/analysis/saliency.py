"""Attribution of an output to the steps of an input.

    (1)  w_t = Σ_d x_{t,d} · ∂f(x) / ∂x_{t,d}              gradient times input (Shrikumar et al. 2017, section 2)
    (2)  w_t = Σ_d x_{t,d} · ∫₀¹ ∂f(αx) / ∂x_{t,d} dα      integrated gradients (Sundararajan et al. 2017, section 3)
    (3)  Σ_t w_t = f(x) − f(0)                             completeness of (2) (proposition 1)

To first order, (1) is the decrease of f if x_t were zero. (2) divides the whole difference between the input and the
baseline 0 among the steps, also where f is saturated and its gradient at x vanishes. As a function to explain, choose a
difference of logits, not a probability: the weights are then log-odds in nats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import ArgumentError, ShapeError

POINTS = (8, 32, 128)  # of the quadrature, until the weights are complete
MOST = 1 << 15  # steps times points of a second attempt: a text of 1,024 tokens has 32 points, a longer one 8
AT_ONCE = 1 << 14  # steps times points of one pass
TOLERANCE = 0.02


class Attribution(NamedTuple):
    """The weights (2) ``(T,)`` in units of f, with f of the input and of the baseline."""

    weights: Tensor
    value: float
    baseline: float


def integrated_gradients(
    score: Callable[[Tensor], Tensor], inputs: Tensor, *, tolerance: float = TOLERANCE, at_once: int = AT_ONCE
) -> Attribution:
    """Return the integrated gradients (2) of one sequence, with all steps zero as the baseline.

    The integral is computed by Gauss–Legendre quadrature with 8, 32 or 128 points: the fewest for which (3) holds
    within ``tolerance`` times max(1, \\|f(x) − f(0)\\|). Sequences of more than 256 steps have at most 32 points, those
    of more than 1,024 steps have 8.

    Args:
        score: ``inputs (T, N, E) → f (N,)``, for any N; f of a lane must depend only on the same lane of the inputs.
        inputs: ``(T, E)``.
        tolerance: the largest error of the sum of the weights.
        at_once: steps times points of one pass through ``score``, which bounds its memory.

    Raises:
        ShapeError: ``inputs`` is not ``(T, E)`` with at least one step.
        ArgumentError: ``tolerance`` is not above 0.

    >>> w = torch.tensor([[1.0], [2.0]])
    >>> integrated_gradients(lambda x: (w.unsqueeze(1) * x**2).sum((0, 2)), torch.tensor([[3.0], [1.0]]))
    Attribution(weights=tensor([9.0000, 2.0000]), value=11.0, baseline=0.0)
    """
    if inputs.dim() != 2 or not inputs.size(0):
        raise ShapeError(f"inputs must be (T, E) with T at least 1, got {tuple(inputs.shape)}")
    if not tolerance > 0:
        raise ArgumentError("tolerance", "above 0", tolerance)
    x = inputs.detach().unsqueeze(1)  # (T, 1, E)
    with torch.no_grad():
        value, baseline = score(torch.cat([x, torch.zeros_like(x)], dim=1)).double().tolist()
    allowed = tolerance * max(1.0, abs(value - baseline))
    weights = _quadrature(score, x, POINTS[0], at_once)
    for points in POINTS[1:]:
        if abs(float(weights.sum()) - (value - baseline)) <= allowed or points * x.size(0) > MOST:
            break
        weights = _quadrature(score, x, points, at_once)
    return Attribution(weights.to(inputs.dtype), value, baseline)


def _quadrature(score: Callable[[Tensor], Tensor], x: Tensor, points: int, at_once: int) -> Tensor:
    """Return (2) ``(T,)`` in float64 for ``x (T, 1, E)``: (1) at αx is α times the integrand."""
    nodes, shares = np.polynomial.legendre.leggauss(points)  # on −1 … 1
    alpha = torch.from_numpy((nodes + 1) / 2).to(x.device)
    share = torch.from_numpy(shares / 2).to(x.device) / alpha
    weights = torch.zeros(x.size(0), dtype=torch.float64, device=x.device)
    for chunk in torch.arange(points, device=x.device).split(max(1, at_once // x.size(0))):
        scaled = x * alpha[chunk].to(x.dtype).unsqueeze(1)  # (T, N, E)
        weights += gradient_times_input(score, scaled).double() @ share[chunk]
    return weights


def gradient_times_input(score: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Return the attributions (1), ``w (T, B)``.

    Args:
        score: ``inputs (T, B, E) → f (B,)``; f of a lane must depend only on the same lane of the inputs.
        inputs: ``(T, B, E)``.
    """
    with torch.enable_grad():
        x = inputs.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(score(x).sum(), x)
    return times_input(x, gradient)


def times_input(inputs: Tensor, gradient: Tensor) -> Tensor:
    """Return ``w (T, B)`` from ``inputs (T, B, E)`` and their ``gradient (T, B, E)``."""
    return (inputs.detach() * gradient).sum(-1)

"""Attribution of an output to the steps of an input.

    w_t = Σ_d x_{t,d} · ∂ f / ∂ x_{t,d}          gradient times input (Shrikumar et al. 2017, section 2)

To first order, w_t is the decrease of f if x_t were zero.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def gradient_times_input(score: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Return the attributions ``w (T, B)``.

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

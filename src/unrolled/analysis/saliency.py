"""How much each step of an input moved an answer.

    w_t = Σ_d x_{t,d} · ∂ f / ∂ x_{t,d}          gradient times input (Shrikumar et al. 2017, section 2)

To first order it is how much f would fall if x_t were zero.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def gradient_times_input(score: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """``w (T, B)``.

    Args:
        score: ``inputs (T, B, E) → f (B,)``; lane b may depend on lane b of the inputs alone.
        inputs: ``(T, B, E)``.
    """
    with torch.enable_grad():
        x = inputs.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(score(x).sum(), x)
    return times_input(x, gradient)


def times_input(inputs: Tensor, gradient: Tensor) -> Tensor:
    """``w (T, B)`` of ``inputs`` and ``gradient (T, B, E)``."""
    return (inputs.detach() * gradient).sum(-1)

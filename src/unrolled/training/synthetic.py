"""Synthetic gradients: what the loss after a window's end owes to the state there, predicted from that state.

    unrolled train lm --bptt 8 --synthetic-gradients

Truncated backpropagation takes the gradient at a window's end for zero. A small network can do better (Jaderberg et al.
2017, "Decoupled neural interfaces using synthetic gradients", section 2.1). With s_n the state before window n, L_n the
window's loss, θ the model's weights and ĝ the prediction:

    gradient by θ       ∂L_n/∂θ   + ĝ(s_{n+1}) · ∂s_{n+1}/∂θ                                                    (1)
    target of ĝ(s_n)    ∂L_n/∂s_n + ĝ(s_{n+1}) · ∂s_{n+1}/∂s_n                                                  (2)

(2) is what the same backward pass brings to the window's beginning, so it costs nothing more; ĝ is learned from itself
a window later, as a value function is from the next value. A reset inside a window cuts both. Were ĝ exact, the sum of
(1) over all windows would be the gradient of full backpropagation; with ĝ = 0 it is truncated backpropagation.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..cells import State
from ..errors import ArgumentError
from .options import Training

# B lanes, N numbers of a lane's state, M synthetic_size

MEMORY = 0.99  # decay per step of the running means
LEAST = 1e-3  # a standard deviation
AHEAD = 0.1  # weight of the auxiliary task


class SyntheticGradients(nn.Module):
    """The network ĝ, what it learns with, and the backward pass in which it takes part.

        r = max(0, W_1 (s − μ)/δ + b_1)    ĝ(s) = σ (W_2 r + b_2)        s (B, N), r (B, M)

    W_2 and b_2 begin at zero, so training begins as truncated backpropagation does. What is read and what is learned is
    of size one, whatever the task, by running means over steps:

    * μ, δ: mean and standard deviation of every number of the state. What a young network knows moves its state
      little; unscaled, ĝ learned too slowly to keep up with the model.
    * σ: root mean square of the targets; a lane's gradient is as small as its share of the loss. When σ changes, W_2
      and b_2 change with it such that ĝ does not (van Hasselt et al. 2016): else a larger σ would make larger
      predictions, larger targets and again a larger σ.

    ĝ is computed with the running mean of W_1, b_1, W_2 and b_2 over steps (``spoken``). The last step of learning
    leaves an error common to all lanes, small beside a target, but unlike targets it does not cancel in the sum.
    Without the mean, the gradient (1) of a model at rest went the opposite way of the full one for hundreds of steps.

    With ``synthetic_ahead`` W_3 r + b_3 is to be ĝ(s') / σ of the window's end, the paper's auxiliary task. Its squared
    error is a loss like another, AHEAD times which is added to that of the window: r learns what matters further on,
    and, by way of (2), the model to keep in its state what that is known by.

    Its gradients are not clipped, because Adam's steps have one size; nor are they part of the model's norm.

    Args:
        carry: a state of the model, any pytree of leaves ``(B, …)``; those of numbers with gradients are read.
        options: its ``synthetic_…``.

    Raises:
        ArgumentError: there is no such leaf.
    """

    mean_square: Tensor
    mean_error: Tensor
    updates: Tensor
    state_mean: Tensor
    state_square: Tensor

    def __init__(self, carry: State | None, options: Training) -> None:
        super().__init__()
        leaves = _differentiable(carry)
        if not leaves:
            raise ArgumentError(
                "synthetic_gradients", "left out where no state with gradients is carried from window to window", True
            )
        size = sum(leaf[0].numel() for leaf in leaves)
        like: dict[str, Any] = {"device": leaves[0].device, "dtype": leaves[0].dtype}
        self.hidden = nn.Linear(size, options.synthetic_size, **like)
        self.out = _zero(nn.Linear(options.synthetic_size, size, **like))
        self.ahead = _zero(nn.Linear(options.synthetic_size, size, **like)) if options.synthetic_ahead else None
        for name in ("mean_square", "mean_error", "updates"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        for name in ("state_mean", "state_square"):
            self.register_buffer(name, torch.zeros(size, **like))
        self.spoken = copy.deepcopy(nn.ModuleList([self.hidden, self.out])).requires_grad_(False)
        self.optimizer = torch.optim.Adam(
            [p for p in self.parameters() if p.requires_grad], lr=options.synthetic_lr, betas=(0.9, 0.99), fused=True
        )

    def begin(self, carry: State) -> State:
        """The state before a window, such that a gradient can arrive there."""
        leaves, shape = tree_flatten(carry)
        for index, leaf in enumerate(leaves):
            if leaf.is_floating_point():
                if leaf.requires_grad:  # a learned initial state: its gradient goes on from here
                    leaf.retain_grad()
                else:
                    leaves[index] = leaf.detach().requires_grad_()
        return tree_unflatten(leaves, shape)

    def backward(self, loss: Tensor, before: State, after: State) -> None:
        """(1) into the model's gradients, and a step of ĝ towards (2)."""
        with torch.no_grad():
            predicted = self(after)
        ends = [(leaf, g) for leaf, g in zip(_differentiable(after), predicted, strict=True) if leaf.requires_grad]
        torch.autograd.backward([loss, *(leaf for leaf, _ in ends)], [None, *(g for _, g in ends)])
        self.learn(before, predicted)

    def forward(self, state: State) -> list[Tensor]:
        """ĝ, in the shapes of the state's leaves that have gradients."""
        leaves = _differentiable(state)
        hidden, out = self.spoken
        flat = self.sigma * out(hidden(self._standard(_flat(leaves))).relu())  # (B, N)
        parts = flat.split([leaf[0].numel() for leaf in leaves], dim=1)
        return [part.view_as(leaf) for part, leaf in zip(parts, leaves, strict=True)]

    def learn(self, before: State, predicted: list[Tensor]) -> None:
        """One step towards the gradients that have arrived at the state ``before`` the window, whose end has those
        that were ``predicted``."""
        leaves = _differentiable(before)
        target = _flat([torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves])  # (B, N)
        s = _flat(leaves).detach()  # (B, N)
        self.optimizer.zero_grad(set_to_none=True)
        if self.ahead is not None:
            x = s.clone().requires_grad_()
            F.mse_loss(self.ahead(self._read(x)), _flat(predicted) / self.sigma).backward()
            assert x.grad is not None
            target = target + AHEAD * x.grad
        sigma = self._rescale(s, target)
        error = F.mse_loss(self.out(self._read(s)), target / sigma)
        error.backward()
        self.optimizer.step()
        with torch.no_grad():
            learned: list[Tensor] = [*self.hidden.parameters(), *self.out.parameters()]
            torch._foreach_lerp_(list(self.spoken.parameters()), learned, 1 - MEMORY)
        self.mean_error.lerp_(error.detach().double().cpu() * sigma**2, 1 - MEMORY)

    @property
    def sigma(self) -> float:
        """σ; 1 before there was any gradient."""
        return math.sqrt(float(self.mean_square) / self._known) if self.mean_square else 1.0

    @property
    def unexplained(self) -> float:
        """The running squared error over the running square of the targets: 1 for a prediction of zero."""
        return float(self.mean_error / self.mean_square) if self.mean_square else 1.0

    @property
    def _known(self) -> float:
        """The weight of all steps so far in a running mean that began at zero."""
        return 1 - MEMORY ** max(1.0, float(self.updates))

    def _read(self, s: Tensor) -> Tensor:
        """r ``(B, M)``."""
        r: Tensor = self.hidden(self._standard(s)).relu()
        return r

    def _standard(self, s: Tensor) -> Tensor:
        """(s − μ)/δ."""
        mu = self.state_mean / self._known  # (N,)
        delta = (self.state_square / self._known - mu.square()).clamp(min=LEAST**2).sqrt()
        return (s - mu) / delta

    @torch.no_grad()
    def _rescale(self, s: Tensor, target: Tensor) -> float:
        """Take ``(B, N)`` into the running means, and leave ĝ, but for its reading, as it was. Returns σ."""
        before = self.sigma
        self.state_mean.lerp_(s.mean(0), 1 - MEMORY)
        self.state_square.lerp_(s.square().mean(0), 1 - MEMORY)
        self.mean_square.lerp_(target.square().mean().double().cpu(), 1 - MEMORY)
        self.updates += 1
        sigma = self.sigma
        for layer in (self.out, self.ahead, self.spoken[1]):
            for parameter in () if layer is None else layer.parameters():
                parameter.mul_(before / sigma)
        return sigma


def _differentiable(carry: State | None) -> list[Tensor]:
    leaves = [] if carry is None else tree_flatten(carry)[0]
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def _flat(leaves: list[Tensor]) -> Tensor:
    """``(B, N)``."""
    return torch.cat([leaf.flatten(1) for leaf in leaves], dim=1)


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer

"""Synthetic gradients: what the loss after a window's end owes to the state there, predicted from that state.

    unrolled train lm --bptt 8 --synthetic-gradients

Truncated backpropagation takes the gradient at a window's end for zero. It can be predicted instead (Jaderberg et al.
2017, "Decoupled neural interfaces using synthetic gradients", section 2.1). With s_n the state before window n, L_n the
window's loss, θ the model's weights and ĝ the prediction:

    gradient by θ       ∂L_n/∂θ   + ĝ(s_{n+1}) · ∂s_{n+1}/∂θ                                                    (1)
    target of ĝ(s_n)    ∂L_n/∂s_n + ĝ(s_{n+1}) · ∂s_{n+1}/∂s_n                                                  (2)

(2) is what the same backward pass brings to the window's beginning, so it costs nothing more; ĝ is learned from itself
a window later, as a value function is from the next value. A reset inside a window cuts both. Were ĝ exact, the sum of
(1) over all windows would be the gradient of full backpropagation; with ĝ = 0 it is truncated backpropagation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..cells import State
from ..errors import ArgumentError
from .options import Training

# B lanes, N numbers of a lane's state, M what is read of them

RUNNING = 0.99  # decay per step of the running means
LEAST = 1e-3  # a standard deviation
LOOKS = 5  # how often the fit is renewed in the time that it remembers
RIDGE = 1e-3  # of the mean square of what is read
AHEAD = 0.1  # weight of the auxiliary task
FARTHEST = 10.0  # standard deviations: a unit that wakes up after hundreds of quiet steps is not thousands of them
MOST = 8192  # numbers that are read: three are kept for each pair of them, with the auxiliary task five


class SyntheticGradients(nn.Module):
    """The predictor ĝ, what it is fitted to, and the backward pass in which it takes part.

        z = (s − μ)/δ      x = (z, max(0, R z + r))      ĝ(s) = a (Wᵀx − its mean over the lanes, if there are some)
        A ← λA + Σ_b x xᵀ/B      C ← λC + Σ_b x targetᵀ/B      W = (A + ρI)⁻¹ C

    One linear layer over fixed random units, fitted by least squares to the targets of the last 1/(1 − λ) steps, as
    many as make ``synthetic_samples`` for each of the M numbers in x. Descending to the same fit takes hundreds of
    steps, and the model does not wait for them: a fit to few targets of the model as it is is worth more than one to
    many of a model that is no more.

    * μ, δ: running mean and standard deviation. What a young network knows moves its state little.
    * The lanes' mean is left out. What all lanes' states owe alike is small, but it adds up in (1) where the rest
      cancels, and it changes with every step: predicted late, it drives the model back and forth. (The fit is to whole
      targets; one to targets without their mean was no better at copying.)
    * a: how much of what was predicted came true in about twice that time, within 0 and 1. Nothing at first, so
      training begins as truncated backpropagation does, and little where there is nothing to be known.

    With ``synthetic_ahead`` another W predicts from a window's beginning what ĝ says at its end, the paper's auxiliary
    task. Its squared error is a loss like another, AHEAD times which is added to that of the window: by (2) the model
    keeps in its state what that is known by.

    Args:
        carry: a state of the model, any pytree of leaves ``(B, …)``; those of numbers with gradients are read.
        options: its ``synthetic_…``.

    Raises:
        ArgumentError: there is no such leaf, or more than MOST numbers would be read.
    """

    state_mean: Tensor
    state_square: Tensor
    random: Tensor
    read_square: Tensor
    read_target: Tensor
    weight: Tensor
    agreed: Tensor
    said: Tensor
    mean_square: Tensor
    mean_error: Tensor
    updates: Tensor

    def __init__(self, carry: State | None, options: Training) -> None:
        super().__init__()
        leaves = _differentiable(carry)
        if not leaves:
            raise ArgumentError(
                "synthetic_gradients", "left out where no state with gradients is carried from window to window", True
            )
        numbers, lanes = sum(leaf[0].numel() for leaf in leaves), len(leaves[0])
        read = numbers + options.synthetic_size
        if read > MOST:
            raise ArgumentError(
                "synthetic_gradients",
                f"left out where the state and --synthetic-size have more than {MOST:,} numbers",
                read,
                "train with a smaller --hidden-size or fewer --num-layers",
            )
        samples = options.synthetic_samples
        steps = max(samples, math.ceil(samples * read / lanes))
        self.forgets, self.every = 1 - 1 / steps, max(1, steps // LOOKS)
        targets = numbers * (2 if options.synthetic_ahead else 1)
        like = leaves[0].new_zeros
        for name, shape in {
            "state_mean": (numbers,), "state_square": (numbers,), "read_square": (read, read),
            "read_target": (read, targets), "weight": (read, targets), "agreed": (), "said": (),
        }.items():  # fmt: skip
            self.register_buffer(name, like(shape))
        for name in ("mean_square", "mean_error", "updates"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        random = torch.randn(numbers + 1, options.synthetic_size) / math.sqrt(numbers + 1)
        self.register_buffer("random", random.to(leaves[0]))

    def begin(self, carry: State) -> State:
        """The state before a window, such that a gradient can arrive there."""
        leaves, shape = tree_flatten(carry)
        for index, leaf in enumerate(leaves):
            if _has_gradients(leaf):
                if leaf.requires_grad:  # a learned initial state: its gradient goes on from here
                    leaf.retain_grad()
                else:
                    leaves[index] = leaf.detach().requires_grad_()
        return tree_unflatten(leaves, shape)

    def backward(self, loss: Tensor, before: State, after: State) -> None:
        """(1) into the model's gradients, and (2) into what ĝ is fitted to."""
        with torch.no_grad():
            predicted = self(after)
        ends = [(leaf, g) for leaf, g in zip(_differentiable(after), predicted, strict=True) if leaf.requires_grad]
        torch.autograd.backward([loss, *(leaf for leaf, _ in ends)], [None, *(g for _, g in ends)])
        self.learn(before, predicted)

    def forward(self, state: State) -> list[Tensor]:
        """ĝ, in the shapes of the state's leaves that have gradients."""
        leaves = _differentiable(state)
        flat = self.trust * self._said(self._read(_flat(leaves)))  # (B, N)
        parts = flat.split([leaf[0].numel() for leaf in leaves], dim=1)
        return [part.view_as(leaf) for part, leaf in zip(parts, leaves, strict=True)]

    def learn(self, before: State, predicted: list[Tensor]) -> None:
        """Take in the gradients that have arrived at the state ``before`` the window, whose end has those that were
        ``predicted``."""
        leaves = _differentiable(before)
        target = _flat([torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves])  # (B, N)
        s, N = _flat(leaves).detach(), target.size(1)
        every = target
        if self.weight.size(1) > N:
            ends, scale = _flat(predicted), self.sigma
            with torch.enable_grad():
                x = s.clone().requires_grad_()
                missed = (self._read(x) @ self.weight[:, N:] - ends) / scale
                (more,) = torch.autograd.grad(missed.square().mean(), x)
            target = target + AHEAD * more
            every = torch.cat([target, ends], dim=1)
        with torch.no_grad():
            self._judge(s, target)
            self._fit(s, every)

    @property
    def trust(self) -> float:
        """a."""
        return min(1.0, max(0.0, float(self.agreed / self.said))) if self.said else 0.0

    @property
    def sigma(self) -> float:
        """Root mean square of the targets; 1 before there was any gradient."""
        return math.sqrt(float(self.mean_square) / self._known) if self.mean_square else 1.0

    @property
    def unexplained(self) -> float:
        """The running squared error over the running square of the targets: 1 for a prediction of zero."""
        return float(self.mean_error / self.mean_square) if self.mean_square else 1.0

    @property
    def _known(self) -> float:
        """The weight of all steps so far in a running mean that began at zero."""
        return 1 - RUNNING ** max(1.0, float(self.updates))

    def _read(self, s: Tensor) -> Tensor:
        """x ``(B, M)``."""
        mu = self.state_mean / self._known  # (N,)
        delta = (self.state_square / self._known - mu.square()).clamp(min=LEAST**2).sqrt()
        z = ((s - mu) / delta).clamp(-FARTHEST, FARTHEST)
        return torch.cat([z, torch.addmm(self.random[-1], z, self.random[:-1]).relu()], dim=1)

    def _said(self, x: Tensor) -> Tensor:
        """What W says of the gradients ``(B, N)``."""
        y = x @ self.weight[:, : len(self.state_mean)]
        return y - y.mean(0) if len(y) > 1 else y

    def _judge(self, s: Tensor, target: Tensor) -> None:
        """Compare what would have been said with what came ``(B, N)``, before it is learned from."""
        trust, said = self.trust, self._said(self._read(s))
        keep = (1 + self.forgets) / 2
        self.agreed.mul_(keep).add_((said * target).sum())
        self.said.mul_(keep).add_(said.square().sum())
        self.mean_error.lerp_((trust * said - target).square().mean().cpu().double(), 1 - RUNNING)
        self.mean_square.lerp_(target.square().mean().cpu().double(), 1 - RUNNING)

    def _fit(self, s: Tensor, targets: Tensor) -> None:
        """Take lanes ``(B, N)`` and their targets in, and now and then renew W."""
        self.state_mean.lerp_(s.mean(0), 1 - RUNNING)
        self.state_square.lerp_(s.square().mean(0), 1 - RUNNING)
        self.updates += 1
        x = self._read(s)
        self.read_square.mul_(self.forgets).addmm_(x.T, x, alpha=1 / len(x))
        self.read_target.mul_(self.forgets).addmm_(x.T, targets, alpha=1 / len(x))
        if self.updates % self.every == 0:
            A = self.read_square.clone()
            A.diagonal().add_(RIDGE * A.diagonal().mean() + LEAST**2)
            self.weight.copy_(torch.linalg.solve(A, self.read_target))


def _differentiable(carry: State | None) -> list[Tensor]:
    leaves = [] if carry is None else tree_flatten(carry)[0]
    return [leaf for leaf in leaves if _has_gradients(leaf)]


def _has_gradients(leaf: object) -> bool:
    return isinstance(leaf, Tensor) and leaf.is_floating_point()


def _flat(leaves: list[Tensor]) -> Tensor:
    """``(B, N)``."""
    return torch.cat([leaf.flatten(1) for leaf in leaves], dim=1)

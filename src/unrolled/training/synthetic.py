"""Synthetic gradients: predict the gradient of the future loss with respect to the state at the end of a window.

    unrolled train lm --bptt 8 --synthetic-gradients

Truncated backpropagation sets the gradient at the end of a window to zero. It can be predicted from the state instead
(Jaderberg et al. 2017, "Decoupled neural interfaces using synthetic gradients", section 2.1). Let s_n be the state
before window n, L_n the loss of the window, θ the weights of the model and ĝ the prediction:

    gradient for θ      ∂L_n/∂θ   + ĝ(s_{n+1}) · ∂s_{n+1}/∂θ                                                    (1)
    target of ĝ(s_n)    ∂L_n/∂s_n + ĝ(s_{n+1}) · ∂s_{n+1}/∂s_n                                                  (2)

The backward pass of (1) also yields (2), at no extra cost. ĝ is bootstrapped from its own prediction one window later,
as a value function is in temporal-difference learning. A state reset inside a window cuts both gradients. With an exact
ĝ the sum of (1) over all windows is the gradient of full backpropagation; with ĝ = 0, of truncated backpropagation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..cells import State
from ..errors import ArgumentError
from .options import Training

# B lanes (batch rows), N numbers in the state of a lane, M features of the predictor

RUNNING = 0.99  # decay per step of the running means
LEAST = 1e-3  # lower bound of a standard deviation
LOOKS = 5  # refits of W per averaging time 1/(1 − λ)
RIDGE = 1e-3  # ridge penalty, relative to the mean square of the features
AHEAD = 0.1  # weight of the auxiliary task
FARTHEST = 10.0  # clipping of z, in standard deviations: for units that become active after being constant
MOST = 8192  # maximum number of features M; memory grows with 3 M², with the auxiliary task 5 M²


class SyntheticGradients(nn.Module):
    """The gradient predictor ĝ, its running fit, and the backward pass that uses it.

        z = (s − μ)/δ      x = (z, max(0, R z + r))      ĝ(s) = a (Wᵀx − mean over the lanes, if B > 1)
        A ← λA + Σ_b x xᵀ/B      C ← λC + Σ_b x targetᵀ/B      W = (A + ρI)⁻¹ C

    A linear layer over the state and fixed random features, fitted by ridge regression to the targets of about the last
    1/(1 − λ) steps: ``synthetic_samples`` targets for each of the M features in x. Gradient descent would need hundreds
    of steps for the same fit, and the targets change as the model is trained: few recent targets are better than many
    outdated ones.

    * μ, δ: running mean and standard deviation of the state, whose variation is small early in training.
    * The mean over the lanes is subtracted. The component of the gradient common to all lanes is small, but it adds up
      in (1) where the rest cancels, and it changes with every step: predicted with delay, it makes training oscillate.
      (W is fitted to targets with their mean; fitting centered targets was no better on the copy task.)
    * a in [0, 1]: the regression slope of the targets on the predictions, over about twice that time. It starts at 0,
      so training starts as truncated backpropagation, and stays small where the gradient is not predictable.

    With ``synthetic_ahead`` a second W predicts ĝ at the end of a window from the state at its start, the auxiliary
    task of the paper. AHEAD times its squared error is added to the loss of the window: its gradient enters (2), so the
    model learns to keep the relevant information in its state.

    Args:
        carry: a state of the model, a pytree of leaves ``(B, …)``; floating-point leaves are used.
        options: the ``synthetic_…`` options are used.

    Raises:
        ArgumentError: the state has no floating-point leaf, or there are more than MOST features.
    """

    state_mean: Tensor
    state_square: Tensor
    random: Tensor
    read_square: Tensor
    read_target: Tensor
    weight: Tensor
    agreed: Tensor  # Σ prediction · target: the names of buffers are those of the tensors in checkpoints
    said: Tensor  # Σ prediction²
    mean_square: Tensor
    mean_error: Tensor
    updates: Tensor

    def __init__(self, carry: State | None, options: Training) -> None:
        super().__init__()
        leaves = _differentiable(carry)
        if not leaves:
            raise ArgumentError(
                "synthetic_gradients", "omitted where no state with gradients is carried between windows", True
            )
        size, lanes = sum(leaf[0].numel() for leaf in leaves), len(leaves[0])
        features = size + options.synthetic_size
        if features > MOST:
            raise ArgumentError(
                "synthetic_gradients",
                f"omitted where the state and --synthetic-size together exceed {MOST:,} features",
                features,
                "train with a smaller --hidden-size or fewer --num-layers",
            )
        samples = options.synthetic_samples
        steps = max(samples, math.ceil(samples * features / lanes))
        self.decay, self.interval = 1 - 1 / steps, max(1, steps // LOOKS)
        targets = size * (2 if options.synthetic_ahead else 1)
        like = leaves[0].new_zeros
        for name, shape in {
            "state_mean": (size,), "state_square": (size,), "read_square": (features, features),
            "read_target": (features, targets), "weight": (features, targets), "agreed": (), "said": (),
        }.items():  # fmt: skip
            self.register_buffer(name, like(shape))
        for name in ("mean_square", "mean_error", "updates"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        random = torch.randn(size + 1, options.synthetic_size) / math.sqrt(size + 1)
        self.register_buffer("random", random.to(leaves[0]))

    def begin(self, carry: State) -> State:
        """Return the state before a window with ``requires_grad``, so that its gradient is available."""
        leaves, shape = tree_flatten(carry)
        for index, leaf in enumerate(leaves):
            if _has_gradients(leaf):
                if leaf.requires_grad:  # a learned initial state: keep its graph
                    leaf.retain_grad()
                else:
                    leaves[index] = leaf.detach().requires_grad_()
        return tree_unflatten(leaves, shape)

    def backward(self, loss: Tensor, before: State, after: State) -> None:
        """Accumulate the gradients (1) of the model, and fit ĝ to the targets (2)."""
        with torch.no_grad():
            predicted = self(after)
        ends = [(leaf, g) for leaf, g in zip(_differentiable(after), predicted, strict=True) if leaf.requires_grad]
        torch.autograd.backward([loss, *(leaf for leaf, _ in ends)], [None, *(g for _, g in ends)])
        self.learn(before, predicted)

    def forward(self, state: State) -> list[Tensor]:
        """Return ĝ in the shapes of the floating-point leaves of the state."""
        leaves = _differentiable(state)
        flat = self.trust * self._predict(self._features(_flat(leaves)))  # (B, N)
        parts = flat.split([leaf[0].numel() for leaf in leaves], dim=1)
        return [part.view_as(leaf) for part, leaf in zip(parts, leaves, strict=True)]

    def learn(self, before: State, predicted: list[Tensor]) -> None:
        """Update the fit with the gradients of the state ``before`` a window; ``predicted``: ĝ at its end."""
        leaves = _differentiable(before)
        target = _flat([torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves])  # (B, N)
        s, N = _flat(leaves).detach(), target.size(1)
        targets = target
        if self.weight.size(1) > N:
            ends, scale = _flat(predicted), self.sigma
            with torch.enable_grad():
                x = s.clone().requires_grad_()
                error = (self._features(x) @ self.weight[:, N:] - ends) / scale
                (gradient,) = torch.autograd.grad(error.square().mean(), x)
            target = target + AHEAD * gradient
            targets = torch.cat([target, ends], dim=1)
        with torch.no_grad():
            self._track_error(s, target)
            self._fit(s, targets)

    @property
    def trust(self) -> float:
        """The factor a."""
        return min(1.0, max(0.0, float(self.agreed / self.said))) if self.said else 0.0

    @property
    def sigma(self) -> float:
        """The running root mean square of the targets; 1 before the first nonzero gradient."""
        return math.sqrt(float(self.mean_square) / self._known) if self.mean_square else 1.0

    @property
    def unexplained(self) -> float:
        """The running squared error, relative to that of a prediction of zero."""
        return float(self.mean_error / self.mean_square) if self.mean_square else 1.0

    @property
    def _known(self) -> float:
        """The bias correction of running means that were initialized with zero."""
        return 1 - RUNNING ** max(1.0, float(self.updates))

    def _features(self, s: Tensor) -> Tensor:
        """Return x ``(B, M)`` for states s ``(B, N)``."""
        mu = self.state_mean / self._known  # (N,)
        delta = (self.state_square / self._known - mu.square()).clamp(min=LEAST**2).sqrt()
        z = ((s - mu) / delta).clamp(-FARTHEST, FARTHEST)
        return torch.cat([z, torch.addmm(self.random[-1], z, self.random[:-1]).relu()], dim=1)

    def _predict(self, x: Tensor) -> Tensor:
        """Return Wᵀx ``(B, N)`` without the mean over the lanes."""
        y = x @ self.weight[:, : len(self.state_mean)]
        return y - y.mean(0) if len(y) > 1 else y

    def _track_error(self, s: Tensor, target: Tensor) -> None:
        """Update a and the running errors with predictions for ``target`` ``(B, N)``, before W is fitted to it."""
        trust, prediction = self.trust, self._predict(self._features(s))
        decay = (1 + self.decay) / 2
        self.agreed.mul_(decay).add_((prediction * target).sum())
        self.said.mul_(decay).add_(prediction.square().sum())
        self.mean_error.lerp_((trust * prediction - target).square().mean().cpu().double(), 1 - RUNNING)
        self.mean_square.lerp_(target.square().mean().cpu().double(), 1 - RUNNING)

    def _fit(self, s: Tensor, targets: Tensor) -> None:
        """Update the statistics with states ``(B, N)`` and targets, and refit W every ``self.interval`` steps."""
        self.state_mean.lerp_(s.mean(0), 1 - RUNNING)
        self.state_square.lerp_(s.square().mean(0), 1 - RUNNING)
        self.updates += 1
        x = self._features(s)
        self.read_square.mul_(self.decay).addmm_(x.T, x, alpha=1 / len(x))
        self.read_target.mul_(self.decay).addmm_(x.T, targets, alpha=1 / len(x))
        if self.updates % self.interval == 0:
            A = self.read_square.clone()
            A.diagonal().add_(RIDGE * A.diagonal().mean() + LEAST**2)
            self.weight.copy_(torch.linalg.solve(A, self.read_target))


def _differentiable(carry: State | None) -> list[Tensor]:
    leaves = [] if carry is None else tree_flatten(carry)[0]
    return [leaf for leaf in leaves if _has_gradients(leaf)]


def _has_gradients(leaf: object) -> bool:
    return isinstance(leaf, Tensor) and leaf.is_floating_point()


def _flat(leaves: list[Tensor]) -> Tensor:
    """Concatenate leaves to ``(B, N)``."""
    return torch.cat([leaf.flatten(1) for leaf in leaves], dim=1)

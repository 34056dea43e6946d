"""Optimizers, learning rate schedules, gradient clipping and weight averaging."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from .options import Training, number
from .timing import Plan

STATISTICS = ("running_mean", "running_var")


def make_optimizer(
    model: nn.Module, options: Training, scale: Callable[[Tensor], float] = lambda parameter: 1.0
) -> torch.optim.Optimizer:
    """Return the optimizer that ``options`` name. Weight decay applies to matrices only, not to biases.

    ``scale`` gives the factor of the learning rate of a parameter, which its group has as ``scale``.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = []
    for factor in sorted({scale(p) for p in parameters}, reverse=True):
        alike = [p for p in parameters if scale(p) == factor]
        groups += [
            {"params": [p for p in alike if p.dim() > 1], "weight_decay": options.weight_decay, "scale": factor},
            {"params": [p for p in alike if p.dim() <= 1], "weight_decay": 0.0, "scale": factor},
        ]
    groups = [group for group in groups if group["params"]]
    lr, betas = number(options.lr), (0.9, options.beta2)
    match options.optimizer:
        case "adamw":
            return torch.optim.AdamW(groups, lr=lr, betas=betas, fused=True)
        case "adam":
            return torch.optim.Adam(groups, lr=lr, betas=betas, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=lr, alpha=options.beta2, momentum=options.momentum)
        case "adagrad":
            on_cpu = all(p.device.type == "cpu" for p in parameters)  # fused Adagrad is CPU-only
            return torch.optim.Adagrad(groups, lr=lr, fused=True if on_cpu else None)
        case "sgd":
            return torch.optim.SGD(groups, lr=lr, momentum=options.momentum, fused=True)


def warmup_steps(options: Training, steps: int) -> int:
    """Return the steps of warm-up: as many as the options say, but at most a tenth of the training."""
    return min(options.warmup, steps // 10)


class Schedule:
    """The learning rate at each step: linear warm-up (see `warmup_steps`), multiplied by the named schedule.

    constant   lr
    cosine     lr · ½(1 + cos(π · f)), towards zero at the end, f = step/steps or see `timing.Plan`
               (Loshchilov and Hutter 2017, eq. 5)
    step       lr · decay^⌊(step + offset) / (decay_every · steps per epoch)⌋,   at least decay^0
               offset: so that the first decay is after ``first_decay`` epochs
    plateau    lr · decay^(number of evaluations without improvement)
    """

    def __init__(self, options: Training, plan: Plan, steps_per_epoch: float) -> None:
        self.options, self.plan, self.steps_per_epoch = options, plan, steps_per_epoch
        self.peak = number(options.lr)
        self.warmup = warmup_steps(options, plan.steps)
        self.plateaus = 0

    def lr(self, step: int) -> float:
        """Return the learning rate of step number ``step``, counted from 0."""
        options = self.options
        lr = self.peak * min(1.0, (step + 1) / (self.warmup + 1))
        match options.schedule:
            case "cosine":
                done, total = self.plan.position(step)
                return lr * 0.5 * (1 + math.cos(math.pi * done / total))
            case "step":
                between = options.decay_every * self.steps_per_epoch  # steps
                first = options.decay_every if options.first_decay is None else options.first_decay
                offset = between - first * self.steps_per_epoch
                return lr * options.decay ** max(0, math.floor((step + offset) / between + 1e-9))
            case "plateau":
                return lr * options.decay**self.plateaus
            case _:
                return lr


def clip(parameters: Iterable[Tensor], options: Training) -> float:
    """Clip the gradients in place, by value and then by global norm (Pascanu et al. 2013, algorithm 1).

    Returns:
        The global norm before clipping; not finite if any entry is not finite.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return 0.0
    before = norm = _global_norm(gradients)
    if options.clip_value:
        torch._foreach_clamp_min_(gradients, -options.clip_value)
        torch._foreach_clamp_max_(gradients, options.clip_value)
        norm = _global_norm(gradients)
    if options.clip and norm > options.clip:
        torch._foreach_mul_(gradients, options.clip / (norm + 1e-6))
    return before


def _global_norm(gradients: list[Tensor]) -> float:
    return float(torch.stack(torch._foreach_norm(gradients)).norm())


def statistics(model: nn.Module) -> dict[str, Tensor]:
    """Return the running means and variances of a model's batch normalisation by name."""
    return {name: buffer for name, buffer in model.named_buffers() if name.endswith(STATISTICS)}


class Average:
    """A running average of the weights during training.

    ema   a ← d·a + (1−d)·w,  d = min(ema_decay, (1+k)/(10+k)) after k updates  (Polyak and Juditsky 1992)
    swa   the plain mean of the weights since ``swa_start``                       (Izmailov et al. 2018)

    The statistics of batch normalisation are averaged like weights.
    """

    def __init__(self, model: nn.Module, options: Training, plan: Plan) -> None:
        self.kind = options.average
        self.decay = number(options.ema_decay) if self.kind == "ema" else 0.0
        self.plan, self.start = plan, options.swa_start if self.kind == "swa" else 0.0
        self.count = 0
        self.live: dict[str, Tensor] = dict(model.named_parameters()) | statistics(model)
        self.weights = {name: p.detach().clone() for name, p in self.live.items()} if self.kind != "none" else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average with the weights after step number ``step``."""
        if not self.weights or not self.plan.reached(step, self.start):
            return
        if self.kind == "ema":
            weight = 1 - min(self.decay, (1 + self.count) / (10 + self.count))
        else:
            weight = 1 / (1 + self.count)
        torch._foreach_lerp_(list(self.weights.values()), list(self.live.values()), weight)
        self.count += 1

    @torch.no_grad()
    def swap(self) -> None:
        """Swap the average and the live weights; a second call swaps them back."""
        if self.count:
            for name, average in self.weights.items():
                live = self.live[name].data
                previous = live.clone()
                live.copy_(average)
                average.copy_(previous)

"""The learning rate range test: a learning rate for cells and data that no rule was made for.

A temporary model is trained while the learning rate grows from step to step,

    lr_k = LOW · (HIGH / LOW)^(k / (n − 1)),   k = 0 … n − 1

At first the loss falls faster and faster; then training becomes unstable, and the loss rises. Smith 2017, "Cyclical
learning rates for training neural networks", section 3.3. Chosen is `CHOSEN` times the lowest rate at which the loss
has fallen by `FALLEN` of its whole fall; both were measured (docs/defaults.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from ..errors import DivergedError
from .optim import Schedule
from .step import Stepper
from .task import Task

LOW, HIGH = 1e-4, 1.0
STEPS, FEWEST = 160, 40  # of the test
SHARE = 0.1  # of the training time
SMOOTHING = 0.9  # decay of the moving average of the loss
RISE = 1.3  # the test ends when the smoothed loss exceeds the first one by this factor
FALLEN, CHOSEN = 0.9, 0.75


@dataclass(frozen=True)
class RangeTest:
    """Pairs of learning rate and smoothed loss, and the chosen learning rate."""

    points: list[tuple[float, float]]
    chosen: float


class Ramp(Schedule):
    """The learning rates of the test, for ``count`` steps."""

    count = STEPS

    def lr(self, step: int) -> float:
        """Return lr_k for k = ``step``."""
        return LOW * (HIGH / LOW) ** (step / (self.count - 1))


def range_test(task: Task, device: torch.device, budget: float) -> RangeTest | None:
    """Train a temporary model with growing learning rates for at most ``budget`` seconds.

    `None` if fewer than `FEWEST` steps fit.

    The loss is an exponential moving average, corrected for its start (Kingma and Ba 2015, section 3).

    Args:
        task: the task, prepared; the learning rate of its config is ignored.
        device: the device to train on.
        budget: in seconds.
    """
    probe = Stepper(task, device, STEPS)
    probe.step(0)  # includes allocation
    begin = time.perf_counter()
    for step in range(1, 4):
        probe.step(step)
    fitting = budget / max(1e-9, (time.perf_counter() - begin) / 3)
    if fitting < FEWEST:
        return None
    stepper = Stepper(task, device, STEPS)
    ramp = Ramp(stepper.options, stepper.plan, task.steps_per_epoch)
    stepper.schedule, ramp.count = ramp, int(min(STEPS, fitting))
    points, average = list[tuple[float, float]](), 0.0
    for k in range(ramp.count):
        try:
            loss, _, _ = stepper.step(k)
        except DivergedError:
            break
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        points.append((ramp.lr(k), average / (1 - SMOOTHING ** (k + 1))))
        if points[-1][1] > RISE * points[0][1]:
            break
    return RangeTest(points, float(f"{CHOSEN * _fallen(points):.2g}"))


def _fallen(points: list[tuple[float, float]]) -> float:
    """Return the lowest rate at which the loss has fallen by `FALLEN` of its fall."""
    if not points:
        return LOW
    first, lowest = points[0][1], min(loss for _, loss in points)
    return next(lr for lr, loss in points if loss <= first - FALLEN * (first - lowest))

"""Compute the number of training steps before training; timing.py changes it during training."""

from __future__ import annotations

import time
from typing import NamedTuple

import torch

from ..errors import ArgumentError
from .options import Training, seconds
from .step import Stepper
from .task import Task
from .timing import SAVING

EVALUATIONS = 12  # per training run, unless eval_every is set
TIME = "5m"  # of a task without a default length


def plan_steps(task: Task) -> tuple[int, str]:
    """Convert ``epochs`` to a number of steps, at least ``min_steps``; return it and a note for the user."""
    options: Training = task.config.training
    assert options.epochs is not None
    if options.epochs * task.steps_per_epoch > 1e15:
        raise ArgumentError("epochs", "a number of epochs that can be trained (at most 1e15 steps)", options.epochs)
    steps = max(1, round(options.epochs * task.steps_per_epoch))
    note = f"{options.epochs:g} epochs are {steps:,} step{'s' * (steps > 1)}"
    if steps < options.min_steps:
        epochs = options.min_steps / task.steps_per_epoch
        steps = options.min_steps
        note = f"training for {epochs:,.0f} epochs, {steps:,} steps, because the data are small: {note} only "
        note += f"(--epochs {options.epochs:g} keeps them)"
    return steps, note


class Pace(NamedTuple):
    """What a temporary model measured, the first plan and a note for the user.

    rate: steps per second; per_evaluation: seconds of an evaluation with its preview; scoring: without it.
    """

    rate: float
    per_evaluation: float
    scoring: float
    evaluations: int
    steps: int
    note: str


def measure(task: Task, device: torch.device, begin: float) -> Pace:
    """Measure the step rate with a temporary model, and plan the steps for ``time``, which runs since ``begin``.

    The number of evaluations is reduced where they would take more than a quarter of the time. Their duration is
    measured before training, when some models generate very long outputs, so training gets at least half of the time.
    """
    options: Training = task.config.training
    text = options.time or TIME
    budget = seconds(text)
    probe = Stepper(task, device, steps=1000)
    for step in range(2):  # warm-up: the first steps include allocation
        probe.step(step)
    start, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < min(5.0, 0.05 * budget) or count < 3:
        probe.step(2 + count)
        count += 1
    per_step = spent / count
    start = time.perf_counter()
    task.evaluate(probe.model.eval(), "valid")  # as the loop will
    scoring = time.perf_counter() - start
    task.preview(probe.model)
    per_evaluation = max(time.perf_counter() - start, 1e-9)
    # the first preview, and the evaluation on the test split
    left = budget - (time.perf_counter() - begin) - per_evaluation - task.test_cost() * scoring - SAVING
    minimum = 0.5 * budget / per_step
    if options.eval_every is not None:
        evaluations = 0
        steps = max(1, int(max(minimum, left / (per_step + per_evaluation / options.eval_every))))
    else:
        evaluations = max(1, min(EVALUATIONS, int(0.25 * left / per_evaluation)))
        steps = max(1, int(max(minimum, (left - evaluations * per_evaluation) / per_step)))
    count = evaluations or max(1, steps // (options.eval_every or 1))
    per_evaluation = min(per_evaluation, 0.5 * budget / (count + task.test_cost()))  # until the first is measured
    units = task.units(task.batch(0)) / per_step
    note = f"{units:,.0f} {task.unit}/s measured: {text} is about {steps:,} step{'s' * (steps > 1)}"
    return Pace(1 / per_step, per_evaluation, min(scoring, per_evaluation), evaluations, steps, note)

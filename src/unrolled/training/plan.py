"""Compute the number of training steps."""

from __future__ import annotations

import math
import time

import torch

from ..errors import ArgumentError
from .options import Training, seconds
from .step import Stepper
from .task import Task

EVALUATIONS = 12  # per training run, unless eval_every is set
TIME = "5m"  # of a task without a default length


def plan_steps(task: Task, device: torch.device) -> tuple[dict[str, int | str | None], str]:
    """Convert ``epochs`` or ``time`` to a number of steps; return the options to set, and a note for the user.

    A number of epochs that would take fewer than ``min_steps`` steps is raised.

    For ``time`` the step rate is measured with a temporary model. The number of evaluations is reduced where they would
    take more than a quarter of the time. Their duration is measured before training, when some models generate very
    long outputs, so training gets at least half of the time.
    """
    options: Training = task.config.training
    if options.epochs is not None:
        if options.epochs * task.steps_per_epoch > 1e15:
            raise ArgumentError("epochs", "a number of epochs that can be trained (at most 1e15 steps)", options.epochs)
        steps = max(1, round(options.epochs * task.steps_per_epoch))
        note = f"{options.epochs:g} epochs are {steps:,} step{'s' * (steps > 1)}"
        if steps < options.min_steps:
            epochs = options.min_steps / task.steps_per_epoch
            steps, note = options.min_steps, f"{note}, too few: training for {epochs:,.0f} epochs, "
            note += f"{steps:,} steps (--epochs {options.epochs:g} trains for fewer)"
        return {"steps": steps}, note
    start = time.perf_counter()
    budget = seconds(options.time or TIME)
    probe = Stepper(task, device, steps=1000)
    for step in range(2):  # warm-up: the first steps include allocation
        probe.step(step)
    begin, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < min(5.0, 0.05 * budget) or count < 3:
        probe.step(2 + count)
        count += 1
    per_step = spent / count
    begin = time.perf_counter()
    task.evaluate(probe.model.eval(), "valid")  # as the loop will
    task.preview(probe.model)
    per_evaluation = max(time.perf_counter() - begin, 1e-9)
    left = budget - (time.perf_counter() - start) - 2 * per_evaluation  # the first preview, and the final evaluation
    minimum = 0.5 * budget / per_step
    planned: dict[str, int | str | None] = {"time": options.time}
    if options.eval_every is not None:
        steps = max(1, int(max(minimum, left / (per_step + per_evaluation / options.eval_every))))
    else:
        evaluations = max(1, min(EVALUATIONS, int(0.25 * left / per_evaluation)))
        steps = max(1, int(max(minimum, (left - evaluations * per_evaluation) / per_step)))
        if evaluations < EVALUATIONS:
            planned["eval_every"] = math.ceil(steps / evaluations)
    rate = task.units(task.batch(0)) / per_step
    note = f"{rate:,.0f} {task.unit}/s measured: {options.time or TIME} is {steps:,} step{'s' * (steps > 1)}"
    return {**planned, "steps": steps}, note

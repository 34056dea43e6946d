"""How many steps a training takes."""

from __future__ import annotations

import math
import time

import torch

from ..errors import ArgumentError
from .options import Training, seconds
from .step import Stepper
from .task import Task

EVALUATIONS = 12  # over a whole training, unless eval_every says otherwise


def plan_steps(task: Task, device: torch.device) -> tuple[dict[str, int | None], str]:
    """The options that ``epochs`` or ``time`` stand for, and a note: time by measuring the rate on a model thrown away.

    Evaluations that would take more than a quarter of the time are made rarer. What they will take is measured before
    any training, when some models write at great length, so training gets half of the time whatever they took.
    """
    options: Training = task.config.training
    if options.epochs is not None:
        if options.epochs * task.steps_per_epoch > 1e15:
            raise ArgumentError("epochs", "a number of passes that could ever end", options.epochs)
        steps = max(1, round(options.epochs * task.steps_per_epoch))
        return {"steps": steps, "epochs": None}, f"{options.epochs:g} epochs are {steps:,} steps"
    start = time.perf_counter()
    budget = seconds(options.time or "5m")
    probe = Stepper(task, device, steps=1000)
    for step in range(2):  # the first steps pay for allocation and set-up
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
    left = budget - (time.perf_counter() - start) - 2 * per_evaluation  # the preview at first, and the final scores
    least = 0.5 * budget / per_step
    planned: dict[str, int | None] = {}
    if options.eval_every is not None:
        steps = max(1, int(max(least, left / (per_step + per_evaluation / options.eval_every))))
    else:
        evaluations = max(1, min(EVALUATIONS, int(0.25 * left / per_evaluation)))
        steps = max(1, int(max(least, (left - evaluations * per_evaluation) / per_step)))
        if evaluations < EVALUATIONS:
            planned["eval_every"] = math.ceil(steps / evaluations)
    rate = task.units(task.batch(0)) / per_step
    note = f"{rate:,.0f} {task.unit}/s measured: {options.time or '5m'} is {steps:,} step{'s' * (steps > 1)}"
    return {**planned, "steps": steps}, note

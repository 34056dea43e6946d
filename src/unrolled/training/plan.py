"""Decide before training what the options leave open: learning rate, number of steps, and what follows from it.

timing.py changes the number of steps during training.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import torch

from ..errors import ArgumentError
from .config import update
from .defaults import decided
from .files import write_atomically
from .folder import RunFolder
from .metrics import loss_unit
from .optim import warmup_steps
from .options import Training, seconds
from .range_picture import range_svg
from .range_test import SHARE, range_test
from .step import Stepper
from .task import Task
from .timing import SAVING

EVALUATIONS = 12  # per training run, unless eval_every is set
TIME = "5m"  # of a task without a default length
LONGEST = 60.0  # seconds of a range test
AGAIN = 0.05  # of the training time: a shorter evaluation is measured twice


def plan(task: Task, device: torch.device, begin: float, folder: RunFolder) -> tuple[Pace | None, list[str]]:
    """Complete the config of ``task``, which is prepared.

    Args:
        task: the task.
        device: the device to train on.
        begin: when the training time began, in `time.perf_counter` seconds.
        folder: the run's folder, which gets the picture of a range test.

    Returns:
        What was measured for a training time, and notes for the user.
    """
    options: Training = task.config.training
    notes = _find_rate(task, device, folder) if options.lr == "auto" else []
    time = _time(options)
    pace = None if time is None else measure(task, device, begin)
    if options.steps is None:
        steps, note = plan_steps(task) if pace is None else (pace.steps, pace.note)
        task.config = update(task.config, steps=steps, time=time)
        notes.append(note)
    steps = task.config.training.steps
    task.config = decided(task, steps)
    chosen = options.warmup != type(task).Config().training.warmup  # not the default
    if chosen and options.warmup > (warmup := warmup_steps(options, steps)):
        notes.append(f"the learning rate warms up for {warmup} steps, a tenth of the training, not {options.warmup}")
    return pace, notes


def _time(options: Training) -> str | None:
    """Return the training time; `None` for a number of steps or epochs."""
    return options.time or TIME if options.steps is None and options.epochs is None else None


def _find_rate(task: Task, device: torch.device, folder: RunFolder) -> list[str]:
    """Set the learning rate by a range test, and save its picture."""
    options: Training = task.config.training
    time = _time(options)
    whole = LONGEST / SHARE if time is None else seconds(time)
    test = range_test(task, device, min(LONGEST, SHARE * whole))
    if test is None:
        task.config = update(task.config, lr=None)
        return ["no range test of the learning rate: the training time is too short for it"]
    task.config = update(task.config, lr=test.chosen)
    picture = range_svg(test, f"{task.name}: {folder.path.name}, range test", loss_unit(task.config))
    write_atomically(folder.rates, picture.encode("utf-8", errors="replace"))
    return [f"learning rate {test.chosen:.3g}, from a range test of {len(test.points)} steps ({folder.rates})"]


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
    scoring = _duration(task, probe)
    if scoring < AGAIN * budget:
        scoring = min(scoring, _duration(task, probe))  # the first one includes allocation too
    start = time.perf_counter()
    task.preview(probe.model)
    per_evaluation = max(scoring + time.perf_counter() - start, 1e-9)
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


def _duration(task: Task, probe: Stepper) -> float:
    """Return the seconds of an evaluation as the loop will make it."""
    start = time.perf_counter()
    task.evaluate(probe.model.eval(), "valid")
    return time.perf_counter() - start

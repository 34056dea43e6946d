"""The one training loop. It owns truncated backpropagation through time with carried state, clipping, schedules,
precision, averages, evaluation, previews, checkpoints, early stopping, signals and losses that are not finite; it
knows nothing of any task (see task.py). One step is in step.py, how many there are in plan.py."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ..errors import ArgumentError, RunError
from ..layers import Stack
from . import checkpoint, modelfile
from .config import notes_without_effect, to_toml, update
from .fit import fit
from .folder import RunFolder
from .log import MetricsFile, Progress, Rate, Reporter, Silent, Summary
from .options import Training
from .plan import EVALUATIONS, plan_steps
from .process import Interrupt, check_device, half_products, interruptible, keep_freed_memory
from .standing import Standing, less, machine
from .step import Stepper
from .task import Task

REPORT_SECONDS = 0.25  # between two live reports
LOG_LINES = 1000  # of metrics.jsonl over a whole training, at most about this many
FIXED = ("batch_size", "optimizer", "average")  # what a checkpoint's contents depend on
SYNTHETIC = ("synthetic_gradients", "synthetic_ahead", "synthetic_size", "synthetic_samples")  # with them


def train(task: Task, folder: RunFolder, reporter: Reporter, *, resume: bool = False) -> Summary:
    """Train ``task`` into ``folder``, from the beginning or from its newest checkpoint.

    Raises:
        DataError, ArgumentError: the data or an option is wrong; nothing was trained.
        RunError: resuming, and there is nothing to go on with or the data has changed.
        SaveError: the disk is full; the last good checkpoint stands.
        DivergedError: loss or gradient is not finite; the last good checkpoint stands.
    """
    make = task.fit()
    if make is not None:
        return fit(task, make, folder, reporter, resume=resume)
    if resume:
        folder.refuse_lost()
    options: Training = task.config.training
    device = check_device(options.device)
    keep_freed_memory()
    notes = [*task.prepare(), *half_products(options.precision, device)[1], *notes_without_effect(task.config)]
    if options.steps is None:
        planned, note = plan_steps(task, device)
        task.config = update(task.config, **planned)
        notes = [*notes, note]
    run = _Run(task, folder, device, resume)
    folder.write_config(to_toml(task.config, task.name))  # only now: a run that cannot go on keeps its config
    reporter.start(folder.path, task.name, task.unit, task.config, notes)
    with interruptible() as interrupt:
        return run.go(reporter, interrupt)


class _Run:
    """One training from its beginning, or from a checkpoint, to its end."""

    def __init__(self, task: Task, folder: RunFolder, device: torch.device, resume: bool) -> None:
        self.task, self.folder, self.device = task, folder, device
        self.selecting = task.selecting
        self.reporter: Reporter = Silent()
        self.options: Training = task.config.training
        assert self.options.steps is not None
        self.steps = self.options.steps
        self.eval_every = self.options.eval_every or max(1, math.ceil(self.steps / EVALUATIONS))
        self.log_every = max(1, self.steps // LOG_LINES)
        self.stepper = Stepper(task, device, self.steps)
        with self._own_randomness():
            for part in self.stepper.model.modules():
                if isinstance(part, Stack):
                    part.check_backend(device)
        fixed = [*FIXED, *(SYNTHETIC if self.options.synthetic_gradients else ())]
        made = ", ".join(f"{name} {getattr(self.options, name)}" for name in fixed)
        self.at = Standing(data=task.fingerprint(), made=made, machine=machine())
        self.notes: list[str] = []  # what whoever goes on with a run should know of it
        self.ahead: dict[str, float] = {}  # scores of a model on disk that is better than any up to here
        if resume:
            self._go_on()
        self.metrics = MetricsFile(folder.metrics, self.at.metrics_offset, self.options.tensorboard)
        if self.metrics.cut_short:
            self.notes.append(f"{folder.metrics} had lost its last lines: there is a gap in it before this step")

    def _go_on(self) -> None:
        lost: list[str] = []
        found = checkpoint.load_newest(self.folder.checkpoints, lost)
        if found is None:
            self.notes = [*lost, "stopped before its first checkpoint: this run begins anew"]
            return
        self._restore(*found)
        if self.at.step > self.steps:
            raise ArgumentError("steps", f"at least the {self.at.step:,} that are done", self.steps)
        self.notes = [f"{text}: going on from step {self.at.step:,} instead" for text in lost]
        try:
            scores = modelfile.load(self.folder.model).scores
        except RunError:
            if self.at.best:
                what = "damaged" if self.folder.model.exists() else "missing"
                self.notes.append(f"{self.folder.model} is {what}: the best model from here on takes its place")
                self.at.best = {}
            return
        told = {"loss", self.task.decides, "step"} <= scores.keys()
        if told and (not self.at.best or self._better(scores, self.at.best)):
            self.ahead = scores
            if lost:
                self.notes.append(
                    f"{self.folder.model} is of step {scores['step']:,.0f} and stays until there is a better one"
                )

    def _restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        data, made = self.at.data, self.at.made
        try:
            self.at = Standing(**state)
        except TypeError as error:
            raise RunError(f"{self.folder.path} was checkpointed by another version of unrolled: {error}") from error
        if self.at.made != made:
            raise RunError(
                f"{self.folder.path} was trained with {self.at.made}; it cannot go on with {made}: train a new run"
            )
        if self.at.data != data:
            raise RunError(
                f"the data of {self.folder.path} has changed since it was trained; put the old data back, "
                "or train a new run on the new data"
            )
        self.stepper.restore(tensors, str(self.folder.checkpoints))
        self.stepper.schedule.plateaus = self.at.plateaus
        self.stepper.average.count = self.at.averaged

    def go(self, reporter: Reporter, interrupt: Interrupt) -> Summary:
        self.reporter = reporter
        before, begin = self.at.seconds, time.perf_counter()
        saved = reported = begin
        rate = Rate()
        for text in self.notes:
            reporter.note(text)
        if self.at.step == 0:
            with self._own_randomness():
                self._preview(0)
            self._save()
        else:
            reporter.note(f"going on at step {self.at.step:,} of {self.steps:,}")
            if self.at.machine != machine():
                reporter.note(
                    f"this run was computed with {self.at.machine} and goes on with {machine()}: "
                    "its losses will agree to rounding only"
                )
                self.at.machine = machine()
        stopped = self._enough()
        while self.at.step < self.steps and not stopped:
            value, norm, units = self.stepper.step(self.at.step)
            self.at.step += 1
            self.at.loss_sum += value * units
            self.at.loss_count += units
            now = time.perf_counter()
            self.at.seconds = before + now - begin
            rate.add(now, units)
            if now - reported >= REPORT_SECONDS or self.at.step == self.steps:
                reported = now
                self.reporter.progress(self._progress(value, norm, rate))
            if self.at.step % self.log_every == 0 or self.at.step == self.steps:
                self._log(norm, rate)
            if self.at.step % self.eval_every == 0 or self.at.step == self.steps:
                self._evaluate()
                stopped = self._enough()
            interrupted = interrupt.requested  # asked once: it may be set at any moment
            over = stopped or interrupted or self.at.step == self.steps
            if interrupted and self.at.step < self.steps:
                self.reporter.note("stopping: saving and scoring first; Ctrl-C again stops at once")
            if over or now - saved >= self.options.checkpoint_seconds:
                self._save()
                saved = time.perf_counter()
            if interrupted and self.at.step < self.steps and not stopped:
                stopped = "interrupted"
                if self.at.step % self.eval_every:
                    self._evaluate(regular=False)  # after saving, lest a second Ctrl-C lose the training
                    self._save()  # which model is kept now
            if self.at.step % self.eval_every == 0:
                rate = Rate()  # an evaluation is no training
        if not (self.at.best or self.ahead):  # lost, and there was nothing left to train
            self._evaluate(regular=False)
            self._save()
        summary = Summary(
            folder=self.folder.path,
            task=self.task.name,
            steps=self.at.step,
            seconds=self.at.seconds,
            stopped=stopped or "finished",
            best=self.ahead or self.at.best,
            test={} if stopped == "interrupted" else self._test(),
        )
        self.metrics.close()
        reporter.end(summary)
        return summary

    def _enough(self) -> str:
        """Why training is to stop here, or an empty string."""
        until = self.options.until
        if until is not None and self.at.goal <= self.selecting.cost(until):
            return f"reached a validation {self.task.decides} of {until:g}"
        out = self.options.patience and self.at.worse >= self.options.patience
        return f"no better for {self.at.worse} evaluations" if out else ""

    def _own_randomness(self) -> AbstractContextManager[None]:
        """Within it random numbers may be drawn that are none of training's."""
        return torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else [])

    def _progress(self, value: float, norm: float, rate: Rate) -> Progress:
        per_second, units_per_step = rate.per_second, rate.units_per_step
        left = (self.steps - self.at.step) * units_per_step / per_second if per_second else math.nan
        return Progress(
            step=self.at.step,
            steps=self.steps,
            epoch=self.at.step / self.task.steps_per_epoch,
            loss=self.at.loss_sum / self.at.loss_count if self.at.loss_count else value,
            lr=self.stepper.schedule.lr(self.at.step - 1),
            grad_norm=norm,
            rate=per_second,
            seconds_left=left,
        )

    def _log(self, norm: float, rate: Rate) -> None:
        values = {
            "loss": self.at.loss_sum / self.at.loss_count,
            "lr": self.stepper.schedule.lr(self.at.step - 1),
            "grad_norm": norm,
            "rate": round(rate.per_second, 1),
            "seconds": round(self.at.seconds, 2),
        }
        if self.stepper.synthetic is not None:
            values["synthetic_error"] = round(self.stepper.synthetic.unexplained, 4)
        self.metrics.write(self.at.step, values)
        self.at.loss_sum, self.at.loss_count = 0.0, 0

    def _evaluate(self, *, regular: bool = True) -> None:
        """Score the validation split with the averaged weights; keep the model if it is the best so far.

        An evaluation that is not ``regular`` (after Ctrl-C) decides nothing about how training goes on.
        """
        self.stepper.average.swap()
        try:
            with self._own_randomness():
                scores = self.task.evaluate(self.stepper.model.eval(), "valid")
            cost = self._cost(scores)
            best = not self.at.best or self._better(scores, self.at.best)
            if best:
                self.at.best = {**scores, "step": self.at.step}
                self._keep()
            if regular and less(cost, self.at.goal):
                self.at.goal, self.at.worse = cost, 0
            elif regular:
                self.at.worse += 1
                self.at.plateaus += 1
                self.stepper.schedule.plateaus = self.at.plateaus
            self.metrics.write(self.at.step, {"split": "valid", **scores, "best": best, "by": self.task.decides})
            self.reporter.evaluated(self.at.step, scores, best)
            with self._own_randomness():
                self._preview(self.at.step)
        finally:
            self.stepper.average.swap()
            self.stepper.model.train()

    def _keep(self) -> None:
        """Make the model what `model.safetensors` holds, unless that is a better one of steps that are done again."""
        if self.ahead and self._better(self.ahead, self.at.best):
            return
        self.ahead = {}
        modelfile.save(
            self.folder.model,
            self.stepper.model.state_dict(),
            self.task.name,
            to_toml(self.task.config, self.task.name),
            self.task.assets(),
            self.at.best,
        )

    def _better(self, a: dict[str, float], b: dict[str, float]) -> bool:
        """Whether scores ``a`` are better than ``b``; where what decides is the same, by the loss."""
        costs = self._cost(a), self._cost(b)
        return less(*costs) or (costs[0] == costs[1] and less(a["loss"], b["loss"]))

    def _cost(self, scores: dict[str, float]) -> float:
        """What decides, as something that should be small."""
        return self.selecting.cost(scores[self.task.decides])

    def _preview(self, step: int) -> None:
        model = self.stepper.model
        was = model.training
        preview = self.task.preview(model.eval())
        model.train(was)
        self.reporter.preview(step, self.folder.write_preview(step, preview))

    def _test(self) -> dict[str, float]:
        """Score the test split, once, with the model that was kept."""
        model = copy.deepcopy(self.stepper.model).eval()
        modelfile.restore(model, modelfile.load(self.folder.model).tensors, str(self.folder.model))
        scores = self.task.evaluate(model, "test")
        if scores:
            self.metrics.write(self.at.step, {"split": "test", **scores})
        return scores

    def _save(self) -> None:
        self.at.metrics_offset = self.metrics.offset
        self.at.averaged = self.stepper.average.count
        checkpoint.save(self.folder.checkpoints, self.at.step, self.stepper.tensors(), dataclasses.asdict(self.at))

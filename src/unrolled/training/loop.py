"""The training loop: truncated backpropagation through time with carried state, evaluation, previews, checkpoints and
early stopping. It does not know the task (task.py). A step is in step.py, the number of steps in plan.py."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, RunError
from ..layers import Stack
from ..machine import load
from ..results import silent
from . import checkpoint, modelfile
from .config import notes_without_effect, to_toml, update
from .ending import ending
from .fit import fit
from .folder import RunFolder
from .log import MetricsFile, Progress, Rate, Reporter, Silent, Summary
from .options import Training
from .plan import EVALUATIONS, plan
from .process import Interrupt, check_device, interruptible, keep_freed_memory, mixed_precision, thread_notes
from .run_state import RunState, less, machine, settings
from .step import Stepper
from .task import Task
from .timing import Deadline, deadline, restore

REPORT_SECONDS = 0.25  # between two progress reports
LOG_LINES = 1000  # approximate maximum number of training lines in metrics.jsonl


def train(task: Task, folder: RunFolder, reporter: Reporter, *, resume: bool = False) -> Summary:
    """Train ``task``, from scratch or from the newest checkpoint, and save the run in ``folder``.

    Args:
        task: data, model and loss.
        folder: the folder of the run; the caller holds its lock.
        reporter: receives progress reports.
        resume: continue from the newest checkpoint.

    Raises:
        DataError, ArgumentError: the data or an option is invalid; nothing was trained.
        RunError: the run cannot be resumed, or its data has changed.
        SaveError: a file could not be written; the last checkpoint is intact.
        DivergedError: loss or gradient is not finite; the last checkpoint is intact.
    """
    begin = time.perf_counter()
    load.begin()
    build = task.fit()
    if build is not None:
        return fit(task, build, folder, reporter, resume=resume)
    options: Training = task.config.training
    if resume:
        folder.refuse_lost()
        if options.lr == "auto":
            raise ArgumentError("lr", "a number when a run resumes: its weights are no longer new", "auto")
    device = check_device(options.device)
    keep_freed_memory()
    task.progress = getattr(reporter, "working", silent)
    notes = [*task.prepare(), *mixed_precision(options.precision, device)[1], *notes_without_effect(task.config)]
    pace, planned = plan(task, device, begin, folder)
    run = _Run(task, folder, device, resume)
    run.deadline = deadline(run.stepper.plan, task, begin - run.state.seconds, pace, run.state.plan, run.state.step)
    folder.write_config(to_toml(task.config, task.name))  # not earlier: a run that cannot be resumed keeps its config
    reporter.start(
        folder.path, task.name, task.unit, task.config, [*notes, *planned, *run.stepper.notes, *thread_notes(device)]
    )
    with interruptible() as interrupt:
        return run.train(reporter, interrupt)


class _Run:
    """One training run, from step 0 or from a checkpoint to its end."""

    def __init__(self, task: Task, folder: RunFolder, device: torch.device, resume: bool) -> None:
        self.task, self.folder, self.device = task, folder, device
        self.metric = task.selecting  # used for model selection
        self.reporter: Reporter = Silent()
        self.options: Training = task.config.training
        assert self.options.steps is not None
        self.stepper = Stepper(task, device, self.options.steps)
        self.deadline: Deadline | None = None
        self.eval_every = self.options.eval_every or max(1, math.ceil(self.steps / EVALUATIONS))
        self.log_every = max(1, self.steps // LOG_LINES)
        with self._isolated_rng():
            for part in self.stepper.model.modules():
                if isinstance(part, Stack):
                    part.check_backend(device)
        self.state = RunState(data=task.fingerprint(), made=settings(self.options), machine=machine())
        self.notes: list[str] = []  # for the user, when a run resumes
        self.ahead: dict[str, float] = {}  # metrics of a model on disk that is better than the best one so far
        if resume:
            self._resume()
        self.metrics = MetricsFile(folder.metrics, self.state.metrics_offset, self.options.tensorboard)
        if self.metrics.cut_short:
            self.notes.append(f"{folder.metrics} has lost its last lines: metrics before this step are missing")

    @property
    def steps(self) -> int:
        return self.stepper.plan.steps

    def _resume(self) -> None:
        """Restore the newest checkpoint, and compare the model on disk with it."""
        lost: list[str] = []
        loaded = checkpoint.load_newest(self.folder.checkpoints, lost)
        if loaded is None:
            self.notes = [*lost, "stopped before its first checkpoint: this run starts from step 0"]
            return
        self._restore(*loaded)
        if self.state.step > self.steps:
            raise ArgumentError("steps", f"at least {self.state.step:,}, the steps already done", self.steps)
        self.notes = [f"{text}: resuming from step {self.state.step:,} instead" for text in lost]
        try:
            scores = modelfile.load(self.folder.model).scores
        except RunError:
            if self.state.best:
                what = "damaged" if self.folder.model.exists() else "missing"
                self.notes.append(f"{self.folder.model} is {what}: the best model from here on replaces it")
                self.state.best = {}
            return
        complete = {"loss", self.task.decides, "step"} <= scores.keys()
        if complete and (not self.state.best or self._better(scores, self.state.best)):
            self.ahead = scores
            if lost:
                self.notes.append(
                    f"{self.folder.model} is from step {scores['step']:,.0f}; it is kept until a better model is found"
                )

    def _restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.state = self.state.saved(state, self.folder.path)
        self.stepper.restore(tensors, str(self.folder.checkpoints))
        self.state.plan = restore(self.stepper.plan, self.state.plan, self.steps)
        self.stepper.schedule.plateaus = self.state.plateaus
        self.stepper.average.count = self.state.averaged

    def train(self, reporter: Reporter, interrupt: Interrupt) -> Summary:
        """Train until the last step, early stopping or an interrupt; return the summary."""
        self.reporter = reporter
        before, begin = self.state.seconds, time.perf_counter()
        saved = reported = begin
        rate = Rate()
        for text in self.notes:
            reporter.note(text)
        if self.state.step == 0:
            with self._isolated_rng():
                self._preview(0)
            self._save()
        else:
            reporter.note(f"resuming at step {self.state.step:,} of {self.steps:,}")
            if self.state.machine != machine():
                reporter.note(
                    f"this run was trained with {self.state.machine} and continues with {machine()}: "
                    "losses will agree only up to rounding"
                )
                self.state.machine = machine()
        stopped = self._stop_reason()
        while self.state.step < self.steps and not stopped:
            value, norm, units = self.stepper.step(self.state.step)
            self.state.step += 1
            self.state.loss_sum += value * units
            self.state.loss_count += units
            now = time.perf_counter()
            self.state.seconds = before + now - begin
            rate.add(now, units)
            regular = self._due()
            if now - reported >= REPORT_SECONDS or self.state.step == self.steps:
                reported = now
                self.reporter.progress(self._progress(value, norm, rate))
            if self.state.step % self.log_every == 0 or self.state.step == self.steps:
                self._log(norm, rate)
            if regular:
                self._evaluate()
                stopped = self._stop_reason()
            interrupted = interrupt.requested  # read once: a signal may set it at any moment
            over = stopped or interrupted or self.state.step == self.steps
            if interrupted and self.state.step < self.steps:
                self.reporter.note("stopping: saving and evaluating first; press Ctrl-C again to stop at once")
            if over or now - saved >= self.options.checkpoint_seconds:
                self._save()
                saved = time.perf_counter()
            if interrupted and self.state.step < self.steps and not stopped:
                stopped = "interrupted"
                if not regular:
                    self._evaluate(regular=False)  # after saving, so that a second Ctrl-C loses no training
                    self._save()  # with the metrics of the saved model
            if regular:
                rate = Rate()  # exclude the time of the evaluation
        if not (self.state.best or self.ahead):  # the model file was lost, and no steps were left
            self._evaluate(regular=False)
            self._save()
        stopped = stopped or "finished"
        if self.deadline is not None:
            self.task.config = update(self.task.config, steps=self.steps, time=self.options.time)
            self.folder.write_config(to_toml(self.task.config, self.task.name))
        model = None if stopped == "interrupted" else self._saved()
        summary = Summary(
            folder=self.folder.path,
            task=self.task.name,
            steps=self.state.step,
            seconds=self.state.seconds,
            stopped=stopped,
            best=self.ahead or self.state.best,
            test={} if model is None else self._test(model),
            planned=self.steps,
            **ending(self.task, self.folder, reporter, stopped, model),
        )
        self.metrics.close()
        reporter.end(summary)
        return summary

    def _due(self) -> bool:
        """Whether to evaluate now; a training time may change the plan before."""
        step = self.state.step
        if self.deadline is None:
            return step % self.eval_every == 0 or step == self.steps
        self.deadline.follow(step, self.eval_every)
        return self.deadline.due(step, self.eval_every) or step == self.steps

    def _stop_reason(self) -> str:
        """Return the reason to stop training now, or an empty string."""
        until = self.options.until
        if until is not None and self.state.goal <= self.metric.cost(until):
            return f"reached a validation {self.task.decides} of {until:g}"
        exhausted = self.options.patience and self.state.worse >= self.options.patience
        return f"no better for {self.state.worse} evaluations" if exhausted else ""

    def _isolated_rng(self) -> AbstractContextManager[None]:
        """Restore the random generators on exit, so that training does not depend on numbers drawn inside."""
        return torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else [])

    def _progress(self, value: float, norm: float, rate: Rate) -> Progress:
        per_second, units_per_step = rate.per_second, rate.units_per_step
        left = (self.steps - self.state.step) * units_per_step / per_second if per_second else math.nan
        if self.deadline is not None:
            left = max(0.0, self.deadline.left())
        return Progress(
            step=self.state.step,
            steps=self.steps,
            epoch=self.state.step / self.task.steps_per_epoch,
            loss=self.state.loss_sum / self.state.loss_count if self.state.loss_count else value,
            lr=self.stepper.schedule.lr(self.state.step - 1),
            grad_norm=norm,
            rate=per_second,
            seconds_left=left,
        )

    def _log(self, norm: float, rate: Rate) -> None:
        values = {
            "loss": self.state.loss_sum / self.state.loss_count,
            "lr": self.stepper.schedule.lr(self.state.step - 1),
            "grad_norm": norm,
            "rate": round(rate.per_second, 1),
            "seconds": round(self.state.seconds, 2),
        }
        if self.stepper.synthetic is not None:
            values["synthetic_error"] = round(self.stepper.synthetic.unexplained, 4)
        self.metrics.write(self.state.step, values)
        self.state.loss_sum, self.state.loss_count = 0.0, 0

    def _evaluate(self, *, regular: bool = True) -> None:
        """Evaluate the validation split with the averaged weights; save the model if it is the best so far.

        An evaluation that is not ``regular`` (after Ctrl-C) does not count for patience, plateaus and ``until``.
        """
        begin = time.perf_counter()
        self.stepper.average.swap()
        try:
            with self._isolated_rng():
                scores = self.task.evaluate(self.stepper.model.eval(), "valid")
            scored = time.perf_counter()
            cost = self._cost(scores)
            best = not self.state.best or self._better(scores, self.state.best)
            if best:
                self.state.best = {**scores, "step": self.state.step}
                self._save_model()
            tied = cost == self.state.goal and less(scores["loss"], self.state.goal_loss)
            if regular and (tied or less(cost, self.state.goal)):
                self.state.goal, self.state.goal_loss, self.state.worse = cost, scores["loss"], 0
            elif regular:
                self.state.worse += 1
                self.state.plateaus += 1
                self.stepper.schedule.plateaus = self.state.plateaus
            self.metrics.write(self.state.step, {"split": "valid", **scores, "best": best, "by": self.task.decides})
            self.reporter.evaluated(self.state.step, scores, best)
            with self._isolated_rng():
                self._preview(self.state.step)
        finally:
            self.stepper.average.swap()
            self.stepper.model.train()
        if self.deadline is not None:
            self.deadline.evaluated(time.perf_counter() - begin, scored - begin)

    def _save_model(self) -> None:
        """Write the model file, unless it already holds a better model of steps that are being repeated."""
        if self.ahead and self._better(self.ahead, self.state.best):
            return
        self.ahead = {}
        modelfile.save(
            self.folder.model,
            self.stepper.model.state_dict(),
            self.task.name,
            to_toml(self.task.config, self.task.name),
            self.task.assets(),
            self.state.best,
        )

    def _better(self, a: dict[str, float], b: dict[str, float]) -> bool:
        """Whether scores ``a`` are better than ``b`` in the metric for model selection; ties are broken by the loss."""
        costs = self._cost(a), self._cost(b)
        return less(*costs) or (costs[0] == costs[1] and less(a["loss"], b["loss"]))

    def _cost(self, scores: dict[str, float]) -> float:
        """Return the metric for model selection as a cost: smaller is better."""
        return self.metric.cost(scores[self.task.decides])

    def _preview(self, step: int) -> None:
        model = self.stepper.model
        training = model.training
        preview = self.task.preview(model.eval())
        model.train(training)
        self.reporter.preview(step, self.folder.write_preview(step, preview))

    def _saved(self) -> nn.Module:
        """Return the saved model."""
        model = copy.deepcopy(self.stepper.model).eval()
        modelfile.restore(model, modelfile.load(self.folder.model).tensors, str(self.folder.model))
        return model

    def _test(self, model: nn.Module) -> dict[str, float]:
        """Evaluate the saved model on the test split."""
        scores = self.task.evaluate(model, "test")
        if scores:
            self.metrics.write(self.state.step, {"split": "test", **scores})
        return scores

    def _save(self) -> None:
        self.state.metrics_offset = self.metrics.offset
        self.state.averaged = self.stepper.average.count
        if self.deadline is not None:
            self.state.plan = self.deadline.saved(self.options.steps or 0)
        checkpoint.save(
            self.folder.checkpoints, self.state.step, self.stepper.tensors(), dataclasses.asdict(self.state)
        )

"""The one training loop. It owns truncated backpropagation through time with carried state, clipping, schedules,
precision, averages, evaluation, previews, checkpoints, early stopping, signals and losses that are not finite; it
knows nothing of any task (see task.py)."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..cells import State
from ..cells.state import detach
from ..errors import DivergedError, RunError
from . import checkpoint, modelfile
from .config import to_toml, update
from .folder import RunFolder
from .log import MetricsFile, Progress, Reporter, Summary
from .optim import Average, Schedule, clip, make_optimizer
from .options import Training, seconds
from .process import Interrupt, check_device, interruptible, keep_freed_memory
from .task import Task

REPORT_SECONDS = 0.25  # between two live reports
EVALUATIONS = 12  # over a whole training, unless eval_every says otherwise
LOG_LINES = 1000  # of metrics.jsonl over a whole training, at most about this many


def train(task: Task, folder: RunFolder, reporter: Reporter, *, resume: bool = False) -> Summary:
    """Train ``task`` into ``folder``, from the beginning or from its newest checkpoint.

    Raises:
        DataError, ArgumentError: the data or an option is wrong; nothing was trained.
        RunError: resuming, and there is nothing to resume or the data has changed.
        SaveError: the disk is full; the last good checkpoint stands.
        DivergedError: loss or gradient is not finite; the last good checkpoint stands.
    """
    options: Training = task.config.training
    device = check_device(options.device)
    keep_freed_memory()
    notes = task.prepare()
    if options.steps is None:
        steps, note = plan_steps(task, device)
        task.config = update(task.config, steps=steps, **({"epochs": None} if options.epochs else {}))
        notes = [*notes, note]
    folder.write_config(to_toml(task.config, task.name))
    reporter.start(folder.path, task.name, task.unit, task.config, notes)
    with interruptible() as interrupt:
        return _Run(task, folder, reporter, device, resume).go(interrupt)


def plan_steps(task: Task, device: torch.device) -> tuple[int, str]:
    """How many steps ``epochs`` or ``time`` stand for: time by measuring the rate on a model thrown away."""
    options: Training = task.config.training
    if options.epochs is not None:
        return max(1, round(options.epochs * task.steps_per_epoch)), f"{options.epochs:g} epochs"
    budget = seconds(options.time or "5m")
    probe = _Stepper(task, device, steps=1000)
    for step in range(2):  # the first steps pay for allocation and set-up
        probe.step(step)
    begin, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begin) < min(5.0, 0.05 * budget) or count < 3:
        probe.step(2 + count)
        count += 1
    per_step = spent / count
    begin = time.perf_counter()
    task.evaluate(probe.model, "valid")
    task.preview(probe.model)
    per_evaluation = time.perf_counter() - begin
    evaluations = EVALUATIONS + 2  # the preview at first, and the final scores
    steps = max(1, int((budget - evaluations * per_evaluation) / per_step))
    rate = task.units(task.batch(0)) / per_step
    return steps, f"{rate:,.0f} {task.unit}/s measured: {options.time or '5m'} is {steps:,} steps"


class _Stepper:
    """Model, optimiser and everything else that changes with a step; a step changes it and nothing else."""

    def __init__(self, task: Task, device: torch.device, steps: int) -> None:
        options: Training = task.config.training
        torch.manual_seed(options.seed)
        self.task, self.options, self.device = task, options, device
        self.model: nn.Module = task.build_model().to(device).train()
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.model, options)
        self.schedule = Schedule(options, steps, task.steps_per_epoch)
        self.average = Average(self.model, options, steps)
        self.carry: State | None = task.carry(self.model)

    def step(self, number: int) -> tuple[float, float, float]:
        """One window: forward, backward, clip, update. Returns loss, gradient norm, units."""
        batch = self.task.batch(number)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.precision == "bf16"):
            loss, carry = self.task.loss(self.model, batch, self.carry)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip(self.parameters, self.options)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise DivergedError(
                f"at step {number} the loss is {value:g} and the gradient norm {norm:g}: training diverged. "
                f"Try a lower --lr (now {self.options.lr:g}), a lower --clip (now {self.options.clip:g}) "
                "or a longer --warmup; the last checkpoint is intact"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.lr(number)
        self.optimizer.step()
        self.average.update(number)
        self.carry = None if carry is None else detach(carry)
        return value, norm, self.task.units(batch)

    def tensors(self) -> dict[str, Tensor]:
        """Everything a checkpoint needs in tensors, by name."""
        found = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        found |= {f"average.{name}": value for name, value in self.average.weights.items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            found |= {
                f"optimizer.{index}.{key}": torch.as_tensor(v) for key, v in slots.items() if v is not None
            }
        leaves = [] if self.carry is None else tree_flatten(self.carry)[0]
        found |= {f"carry.{index}": leaf for index, leaf in enumerate(leaves)}
        found["rng.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            found["rng.cuda"] = torch.cuda.get_rng_state(self.device)
        return found

    def restore(self, tensors: dict[str, Tensor], where: str) -> None:
        """The reverse of `tensors`."""
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            head, _, rest = name.partition(".")
            parts.setdefault(head, {})[rest] = tensor
        modelfile.restore(self.model, parts["model"], where)
        for name, value in parts.get("average", {}).items():
            self.average.weights[name].copy_(value)
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in parts.get("optimizer", {}).items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        if "carry" in parts:
            _, shape = tree_flatten(self.carry)
            leaves = [parts["carry"][str(index)].to(self.device) for index in range(len(parts["carry"]))]
            self.carry = tree_unflatten(leaves, shape)
        torch.set_rng_state(parts["rng"]["cpu"])
        if "cuda" in parts["rng"]:
            torch.cuda.set_rng_state(parts["rng"]["cuda"], self.device)


@dataclasses.dataclass
class _Standing:
    """The numbers of a run that a checkpoint carries as JSON."""

    step: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    best: dict[str, float] = dataclasses.field(default_factory=dict)
    worse: int = 0
    plateaus: int = 0
    averaged: int = 0
    metrics_offset: int = 0
    seconds: float = 0.0
    data: str = ""


class _Run:
    """One training from its beginning, or from a checkpoint, to its end."""

    def __init__(
        self, task: Task, folder: RunFolder, reporter: Reporter, device: torch.device, resume: bool
    ) -> None:
        self.task, self.folder, self.reporter = task, folder, reporter
        self.options: Training = task.config.training
        assert self.options.steps is not None
        self.steps = self.options.steps
        self.eval_every = self.options.eval_every or max(1, math.ceil(self.steps / EVALUATIONS))
        self.log_every = max(1, self.steps // LOG_LINES)
        self.stepper = _Stepper(task, device, self.steps)
        self.at = _Standing(data=task.fingerprint())
        found = checkpoint.load_newest(folder.checkpoints) if resume else None
        if found is not None:
            self._restore(*found)
        self.metrics = MetricsFile(folder.metrics, self.at.metrics_offset, self.options.tensorboard)

    def _restore(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        data = self.at.data
        self.at = _Standing(**state)
        if self.at.data != data:
            raise RunError(
                f"the data of {self.folder.path} has changed since it was trained; put the old data back, "
                "or train a new run on the new data"
            )
        self.stepper.restore(tensors, str(self.folder.checkpoints))
        self.stepper.schedule.plateaus = self.at.plateaus
        self.stepper.average.count = self.at.averaged
        self.reporter.note(f"going on at step {self.at.step:,} of {self.steps:,}")

    def go(self, interrupt: Interrupt) -> Summary:
        before, begin = self.at.seconds, time.perf_counter()
        saved = reported = begin
        rate = _Rate()
        stopped = "finished"
        if self.at.step == 0:
            self._preview(0)
            self._save()
        while self.at.step < self.steps:
            value, norm, units = self.stepper.step(self.at.step)
            self.at.step += 1
            self.at.loss_sum += value
            self.at.loss_count += 1
            now = time.perf_counter()
            self.at.seconds = before + now - begin
            rate.add(now, units)
            if now - reported >= REPORT_SECONDS or self.at.step == self.steps:
                reported = now
                self.reporter.progress(self._progress(value, norm, rate))
            if self.at.step % self.log_every == 0:
                self._log(norm, rate)
            if self.at.step % self.eval_every == 0 or self.at.step == self.steps:
                self._evaluate()
                if self.options.patience and self.at.worse >= self.options.patience:
                    stopped = f"no better for {self.at.worse} evaluations"
            over = stopped != "finished" or interrupt.requested or self.at.step == self.steps
            if over or now - saved >= self.options.checkpoint_seconds:
                self._save()
                saved = time.perf_counter()
            if interrupt.requested and self.at.step < self.steps:
                stopped = "interrupted"
                if self.at.step % self.eval_every:
                    self._evaluate()  # after saving: the run goes on as if it had never been scored here
            if over:
                break
            if self.at.step % self.eval_every == 0:
                rate = _Rate()  # an evaluation is no training
        summary = Summary(
            folder=self.folder.path,
            task=self.task.name,
            steps=self.at.step,
            seconds=self.at.seconds,
            stopped=stopped,
            best=self.at.best,
            test={} if stopped == "interrupted" else self._test(),
        )
        self.reporter.end(summary)
        return summary

    def _progress(self, value: float, norm: float, rate: _Rate) -> Progress:
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

    def _log(self, norm: float, rate: _Rate) -> None:
        values = {
            "loss": self.at.loss_sum / self.at.loss_count,
            "lr": self.stepper.schedule.lr(self.at.step - 1),
            "grad_norm": norm,
            "rate": round(rate.per_second, 1),
            "seconds": round(self.at.seconds, 2),
        }
        self.metrics.write(self.at.step, values)
        self.at.loss_sum, self.at.loss_count = 0.0, 0

    def _evaluate(self) -> None:
        """Score the validation split with the averaged weights; keep the model if it is the best so far."""
        self.stepper.average.swap()
        try:
            scores = self.task.evaluate(self.stepper.model.eval(), "valid")
            best = not self.at.best or scores["loss"] < self.at.best["loss"]
            if best:
                self.at.best, self.at.worse = {**scores, "step": self.at.step}, 0
                modelfile.save(
                    self.folder.model,
                    self.stepper.model.state_dict(),
                    self.task.name,
                    to_toml(self.task.config, self.task.name),
                    self.task.assets(),
                )
            else:
                self.at.worse += 1
                self.at.plateaus += 1
                self.stepper.schedule.plateaus = self.at.plateaus
            self.metrics.write(self.at.step, {"split": "valid", **scores, "best": best})
            self.reporter.evaluated(self.at.step, scores, best)
            self._preview(self.at.step)
        finally:
            self.stepper.average.swap()
            self.stepper.model.train()

    def _preview(self, step: int) -> None:
        model = self.stepper.model
        was = model.training
        text = self.task.preview(model.eval())
        model.train(was)
        self.folder.write_preview(step, text)
        self.reporter.preview(step, text)

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
        checkpoint.save(
            self.folder.checkpoints, self.at.step, self.stepper.tensors(), dataclasses.asdict(self.at)
        )


class _Rate:
    """Units per second since it was made, the first step left out."""

    def __init__(self) -> None:
        self.begin: float | None = None
        self.now = 0.0
        self.units, self.steps = 0.0, 0

    def add(self, now: float, units: float) -> None:
        if self.begin is None:
            self.begin = now
            return
        self.now, self.units, self.steps = now, self.units + units, self.steps + 1

    @property
    def per_second(self) -> float:
        return self.units / (self.now - self.begin) if self.steps and self.begin is not None else 0.0

    @property
    def units_per_step(self) -> float:
        return self.units / self.steps if self.steps else 0.0

"""The state of a run that checkpoints store as JSON, besides tensors."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any

import torch

from ..errors import RunError
from ..kernels import extension
from .options import Training

FIXED = ("batch_size", "optimizer", "average")  # a resumed run must have the same
# … and in addition, with synthetic gradients:
SYNTHETIC = ("synthetic_gradients", "synthetic_ahead", "synthetic_size", "synthetic_samples")


@dataclasses.dataclass
class RunState:
    """The fields of ``state.json`` in a checkpoint.

    Attributes:
        step: steps done.
        loss_sum, loss_count: sum of losses and number of units since the last logged step.
        best: metrics and step of the best model.
        goal: smallest cost of the regular evaluations (not of the one after Ctrl-C).
        goal_loss: the loss of that evaluation, the lowest if several have this cost.
        worse: regular evaluations since then.
        plateaus: regular evaluations without improvement, in total.
        averaged: updates of the weight average.
        metrics_offset: size of metrics.jsonl in bytes.
        seconds: training time.
        plan: of a run with a training time; see `timing.Deadline`.
        data: fingerprint of the data.
        made: the options that must not change on resume, as text.
        machine: see `machine`.
    """

    step: int = 0
    loss_sum: float = 0.0
    loss_count: float = 0.0
    best: dict[str, float] = dataclasses.field(default_factory=dict)
    goal: float = math.inf
    goal_loss: float = math.inf
    worse: int = 0
    plateaus: int = 0
    averaged: int = 0
    metrics_offset: int = 0
    seconds: float = 0.0
    plan: dict[str, float] = dataclasses.field(default_factory=dict)
    data: str = ""
    made: str = ""
    machine: str = ""

    def saved(self, state: dict[str, Any], path: Path) -> RunState:
        """Return the state of a checkpoint of the run at ``path``, whose data and options must be those of ``self``.

        Raises:
            RunError: the run cannot be resumed with them.
        """
        try:
            loaded = RunState(**state)
        except TypeError as error:
            raise RunError(f"{path} has a checkpoint of another version of unrolled: {error}") from error
        if loaded.made != self.made:
            raise RunError(
                f"{path} was trained with {loaded.made} and cannot be resumed with {self.made}; train a new run"
            )
        if loaded.data != self.data:
            raise RunError(
                f"the data of {path} has changed since it was trained; restore the old data, "
                "or train a new run on the new data"
            )
        return loaded


def settings(options: Training) -> str:
    """Return the options that must not change when a run is resumed, as text."""
    fixed = [*FIXED, *(SYNTHETIC if options.synthetic_gradients else ())]
    return ", ".join(f"{name} {getattr(options, name)}" for name in fixed)


def machine() -> str:
    """Return what rounding depends on: threads, backend and instruction set."""
    backend = os.environ.get("UNROLLED_BACKEND", "auto")
    kernels = "no" if extension.missing else extension.instruction_set()
    return f"{torch.get_num_threads()} threads, backend {backend}, {kernels} kernels"


def less(a: float, b: float) -> bool:
    """Whether cost ``a`` is less than ``b``; any number is less than nan."""
    return a < b or (math.isnan(b) and not math.isnan(a))

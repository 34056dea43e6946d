"""The state of a run that checkpoints store as JSON, besides tensors."""

from __future__ import annotations

import dataclasses
import math
import os

import torch

from ..kernels import extension


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
    data: str = ""
    made: str = ""
    machine: str = ""


def machine() -> str:
    """Return what rounding depends on: threads, backend and instruction set."""
    backend = os.environ.get("UNROLLED_BACKEND", "auto")
    kernels = "no" if extension.missing else extension.instruction_set()
    return f"{torch.get_num_threads()} threads, backend {backend}, {kernels} kernels"


def less(a: float, b: float) -> bool:
    """Whether cost ``a`` is less than ``b``; any number is less than nan."""
    return a < b or (math.isnan(b) and not math.isnan(a))

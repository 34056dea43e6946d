"""Where a run stands: the numbers that its checkpoints carry beside tensors."""

from __future__ import annotations

import dataclasses
import math
import os

import torch

from ..kernels import extension


@dataclasses.dataclass
class Standing:
    """The numbers of a run that a checkpoint carries as JSON."""

    step: int = 0
    loss_sum: float = 0.0
    loss_count: float = 0.0
    best: dict[str, float] = dataclasses.field(default_factory=dict)
    goal: float = math.inf  # the best cost of the regular evaluations, which alone decide the two below
    worse: int = 0
    plateaus: int = 0
    averaged: int = 0
    metrics_offset: int = 0
    seconds: float = 0.0
    data: str = ""
    made: str = ""
    machine: str = ""


def machine() -> str:
    """What the last bits of a sum depend on."""
    backend = os.environ.get("UNROLLED_BACKEND", "auto")
    kernels = "no" if extension.missing else extension.instruction_set()
    return f"{torch.get_num_threads()} threads, backend {backend}, {kernels} kernels"


def less(a: float, b: float) -> bool:
    """Whether loss ``a`` is better than ``b``; anything is better than what is not a number."""
    return a < b or (math.isnan(b) and not math.isnan(a))

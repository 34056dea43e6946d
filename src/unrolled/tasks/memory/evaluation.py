"""``unrolled evaluate`` for the task ``memory``: metrics on unseen sequences, also of another length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...data.memory_problems import SEQUENCES
from ...results import Pairs, Report
from .config import Measured
from .metrics import METRICS

if TYPE_CHECKING:
    from .trained import TrainedMemory


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """The sequences to evaluate on."""

    split: Measured = "test"
    """validation or test sequences (default: test)"""
    length: int | None = None
    """length of the sequences (default: as in training)"""


def evaluation(model: TrainedMemory, options: Evaluate) -> Report:
    """See `Trained.evaluation`."""
    problem = model.problem(options.length)
    metrics = model.metrics(options.split, options.length)
    description = f"{problem.data}, {options.split}"
    if problem.is_generated:
        description += f": {SEQUENCES[options.split]:,} sequences of length {problem.longest}"
    values = {"problem": problem.data, "length": problem.longest or None, "split": options.split, **metrics}
    loss = [] if "mse" in metrics else [("loss", f"{metrics['loss']:.4f} nats")]
    figures = [(m.label, f"{metrics[m.name]:{m.format}}") for m in METRICS if m.name in metrics and m.name != "loss"]
    return Report(values, (Pairs([("problem", description), *loss, *figures]),))

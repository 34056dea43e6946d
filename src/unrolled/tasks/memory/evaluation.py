"""``unrolled evaluate`` for the task ``memory``: sequences that training never saw, also of another length."""

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
    """Which sequences."""

    split: Measured = "test"
    """which of the sequences that training does not learn from"""
    length: int | None = None
    """sequences of another length than in training"""


def evaluation(model: TrainedMemory, options: Evaluate) -> Report:
    """See `Trained.evaluation`."""
    problem = model.problem(options.length)
    found = model.evaluate(options.split, options.length)
    what = f"{problem.data}, {options.split}"
    if problem.made:
        what += f": {SEQUENCES[options.split]:,} sequences of length {problem.longest}"
    values = {"problem": problem.data, "length": problem.longest or None, "split": options.split, **found}
    loss = [] if "mse" in found else [("loss", f"{found['loss']:.4f} nats")]
    figures = [(m.label, f"{found[m.name]:{m.format}}") for m in METRICS if m.name in found and m.name != "loss"]
    return Report(values, (Pairs([("problem", what), *loss, *figures]),))

"""unrolled evaluate RUN [--length 400] for models of the task memory."""

from __future__ import annotations

from ..data.memory_problems import SEQUENCES
from ..tasks.memory.config import Measured
from ..tasks.memory.metrics import METRICS
from ..tasks.memory.trained import TrainedMemory
from .terminal.reporters import emit
from .terminal.tables import show_pairs


def show_memory(model: TrainedMemory, run: str, split: Measured, length: int | None, *, as_json: bool) -> None:
    """Measure and print."""
    problem = model.problem(length)
    found = model.evaluate(split, length)
    what = f"{problem.data}, {split}"
    if problem.made:
        what += f": {SEQUENCES[split]:,} sequences of length {problem.longest}"
    if as_json:
        emit("evaluated", run=run, problem=problem.data, length=problem.longest or None, split=split, **found)
        return
    loss = found.pop("loss")
    rows = [] if "mse" in found else [("loss", f"{loss:.4f} nats")]
    show_pairs(
        [("problem", what), *rows, *((m.label, f"{found[m.name]:{m.format}}") for m in METRICS if m.name in found)]
    )

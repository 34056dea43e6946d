"""Long-term dependency benchmarks: train each cell at each length until the problem is solved, or a number of steps.

The lengths of a cell are tried in ascending order, up to its first failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ..checks import checked
from ..data.generated_copies import BITS, SYMBOLS
from ..data.generated_sums import CONSTANT
from ..tasks.memory.config import MemoryConfig
from ..tasks.memory.task import Memory
from ..tasks.memory.trained import measure
from ..training.config import update
from ..training.defaults import decided
from ..training.options import number
from ..training.process import keep_freed_memory
from ..training.step import Stepper

CELLS: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn"},
    "irnn": {"cell": "rnn", "init": "identity", "nonlinearity": "relu"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}
SLOWER = 0.3  # factor of irnn's learning rate: its states may grow with the length
SEQUENCES = 500  # validation sequences
EVALUATIONS = 20  # per training


@dataclass(frozen=True)
class Criterion:
    """When a problem counts as solved.

    Attributes:
        metric: the metric's name.
        solved: the threshold below which it is solved.
        chance: the metric of the best constant prediction.
        title: the name of the problem.
        length: the meaning of its length.
        label: the metric and its unit, for an axis.
    """

    metric: str
    solved: float
    chance: float
    title: str
    length: str
    label: str


_BITS = ("bits_per_symbol", 0.15)
CRITERIA = {
    "adding": Criterion("mse", 0.01, CONSTANT, "Adding problem", "sequence length T", "mean squared error"),
    "copy": Criterion(*_BITS, BITS, "Copy problem", "number of vectors L", "bits per vector"),
    "repeat-copy": Criterion(*_BITS, BITS, "Repeat-copy problem", "number of vectors L", "bits per vector"),
    "recall": Criterion(*_BITS, SYMBOLS.bit_length() - 1, "Recall of a symbol", "delay in steps", "bits per symbol"),
}


@dataclass(frozen=True)
class Trial:
    """The training of one cell at one length.

    Attributes:
        curve: (step, metric) of each evaluation.
        solved: whether the metric fell below the criterion's threshold.
        seconds: CPU time.
    """

    cell: str
    length: int
    solved: bool
    seconds: float
    curve: list[tuple[int, float]] = field(repr=False)

    @property
    def steps(self) -> int:
        """The number of training steps."""
        return self.curve[-1][0]

    @property
    def error(self) -> float:
        """The last value of the metric."""
        return self.curve[-1][1]


@checked
def run_trials(
    cells: Sequence[str],
    lengths: Sequence[int],
    config: MemoryConfig,
    steps: int,
    progress: Callable[[str, int, int, float], None] = lambda *_: None,
) -> Iterator[Trial]:
    """Run the trials, and yield each when it ends.

    Args:
        cells: names in `CELLS`.
        lengths: in ascending order.
        config: problem, model and training; cell and length are replaced.
        steps: the maximum number of training steps of each trial.
        progress: called with cell, length, step and metric after each evaluation.
    """
    keep_freed_memory()
    for cell in cells:
        for length in lengths:
            trial = run_trial(cell, length, config, steps, progress)
            yield trial
            if not trial.solved:
                break


@checked
def run_trial(
    cell: str, length: int, config: MemoryConfig, steps: int, progress: Callable[[str, int, int, float], None]
) -> Trial:
    """Train one cell at one length."""
    config = decided(Memory(config), steps)
    lr = number(config.training.lr) * (SLOWER if cell == "irnn" else 1)
    task = Memory(update(config, **CELLS[cell], length=length, lr=lr))
    task.prepare()
    criterion, interval = CRITERIA[task.config.data.data], max(1, steps // EVALUATIONS)
    begin, curve = time.process_time(), []
    stepper = Stepper(task, torch.device("cpu"), steps)
    for step in range(1, steps + 1):
        stepper.step(step - 1)
        if step % interval == 0 or step == steps:
            value = measure(stepper.model.eval(), task.valid, SEQUENCES)[criterion.metric]
            stepper.model.train()
            curve.append((step, value))
            progress(cell, length, step, value)
            if value < criterion.solved:
                break
    return Trial(cell, length, curve[-1][1] < criterion.solved, time.process_time() - begin, curve)

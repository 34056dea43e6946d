"""How far back each cell learns to remember: one small training for every cell and length, until it is solved or over.

The lengths of a cell are tried from the shortest; what is longer than the first that it failed at is not tried.
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
from ..training.process import keep_freed_memory
from ..training.step import Stepper

CELLS: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn"},
    "irnn": {"cell": "rnn", "init": "identity", "nonlinearity": "relu"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}
SLOWER = 0.3  # learning rate of irnn, whose states may grow with the length
SEQUENCES = 500  # looked at
LOOKS = 20  # over a training


@dataclass(frozen=True)
class Goal:
    """When a problem counts as solved: its metric is below ``solved``; who guesses as well as can be has ``chance``."""

    metric: str
    solved: float
    chance: float


GOALS = {
    "adding": Goal("mse", 0.01, CONSTANT),
    "copy": Goal("bits_per_symbol", 0.15, BITS),
    "repeat-copy": Goal("bits_per_symbol", 0.15, BITS),
    "recall": Goal("bits_per_symbol", 0.15, SYMBOLS.bit_length() - 1),
}


@dataclass(frozen=True)
class Trial:
    """One cell at one length.

    Attributes:
        curve: step and metric, from the first look to the last.
        solved: whether it came below the goal.
        seconds: of the processor.
    """

    cell: str
    length: int
    solved: bool
    seconds: float
    curve: list[tuple[int, float]] = field(repr=False)

    @property
    def steps(self) -> int:
        return self.curve[-1][0]

    @property
    def error(self) -> float:
        """At the end."""
        return self.curve[-1][1]


@checked
def table(
    cells: Sequence[str],
    lengths: Sequence[int],
    config: MemoryConfig,
    steps: int,
    looked: Callable[[str, int, int, float], None] = lambda *_: None,
) -> Iterator[Trial]:
    """The trials, as they end.

    Args:
        cells: of `CELLS`.
        lengths: from the shortest.
        config: problem, model and training; cell and length are replaced.
        steps: of each training, at most.
        looked: told cell, length, step and metric now and then.
    """
    keep_freed_memory()
    for cell in cells:
        for length in lengths:
            one = trial(cell, length, config, steps, looked)
            yield one
            if not one.solved:
                break


@checked
def trial(
    cell: str, length: int, config: MemoryConfig, steps: int, looked: Callable[[str, int, int, float], None]
) -> Trial:
    """Train one cell at one length."""
    lr = config.training.lr * (SLOWER if cell == "irnn" else 1)
    task = Memory(update(config, **CELLS[cell], length=length, lr=lr))
    task.prepare()
    goal, every = GOALS[task.config.data.data], max(1, steps // LOOKS)
    begin, curve = time.process_time(), []
    stepper = Stepper(task, torch.device("cpu"), steps)
    for step in range(1, steps + 1):
        stepper.step(step - 1)
        if step % every == 0 or step == steps:
            value = measure(stepper.model.eval(), task.valid, SEQUENCES)[goal.metric]
            stepper.model.train()
            curve.append((step, value))
            looked(cell, length, step, value)
            if value < goal.solved:
                break
    return Trial(cell, length, curve[-1][1] < goal.solved, time.process_time() - begin, curve)

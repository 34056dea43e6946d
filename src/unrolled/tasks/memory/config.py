"""The options of the task ``memory``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...cells import check_size
from ...data.digits import CLASSES, SIDE
from ...data.episodes import Episodes
from ...data.memory_problems import PROBLEMS, SEQUENCES, Name, generated, pictures
from ...errors import ArgumentError
from ...training.config import refuse_changed
from ...training.options import Training
from ...training.start_options import Start
from ..common.recurrent import Recurrent

Measured = Literal["valid", "test"]
"""The parts that are not used in training."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The problem and the length of its sequences."""

    data: Name = "adding"
    """name of the problem"""
    length: int | None = None
    """adding: numbers; copy, repeat-copy: maximum symbols; recall: delay in steps (default: 100, 10, 5, 50)"""
    shortest: int = 1
    """copy, repeat-copy: minimum symbols"""
    repeats: int = 5
    """repeat-copy: maximum repetitions"""
    symbols: int = 10
    """recall: number of symbols to recall"""
    bptt: int = 0
    """truncated backpropagation: steps per window; 0: whole sequences"""

    def __post_init__(self) -> None:
        problem = PROBLEMS[self.data]
        if problem.length is None:
            refuse_changed(self, ("length",), f"with {self.data}, whose sequences have a fixed length")
        elif self.length is not None:
            check_size("length", self.length, problem.least)
        for name in ("repeats", "symbols"):
            check_size(name, getattr(self, name))
        check_size("bptt", self.bptt, least=0)
        if self.data not in ("copy", "repeat-copy"):
            refuse_changed(self, ("shortest",), f"with {self.data}, which does not use it")
        elif not 1 <= self.shortest <= self.longest:
            raise ArgumentError("shortest", f"from 1 to the length {self.longest}", self.shortest)
        for name, user in (("repeats", "repeat-copy"), ("symbols", "recall")):
            if self.data != user:
                refuse_changed(self, (name,), f"with {self.data}, which does not use it")

    @property
    def longest(self) -> int:
        """The given or default length; 0 for pictures."""
        return self.length or PROBLEMS[self.data].length or 0

    @property
    def is_generated(self) -> bool:
        """Whether the sequences are generated on demand, with any length; else they are pictures."""
        return PROBLEMS[self.data].length is not None

    @property
    def loss_unit(self) -> str:
        """The unit of the loss."""
        return "squared error" if self.data == "adding" else "nats"

    def episodes(self, part: str, seed: int = 0, batch_size: int = 1) -> Episodes:
        """Return the sequences of a part: ``train`` (in an order that depends on ``seed``), ``valid`` or ``test``."""
        if self.is_generated:
            return generated(self.data, self.longest, self.shortest, self.repeats, self.symbols, part, seed)
        return pictures(self.data, part, batch_size, seed)

    def count(self, episodes: Episodes, part: str) -> int:
        """Return the number of sequences of ``valid`` or ``test`` to evaluate on; of pictures, all."""
        return SEQUENCES[part] if self.is_generated else episodes.per_pass

    def sizes(self) -> tuple[int, int]:
        """Return the input size and the output size; no files are needed."""
        if not self.is_generated:
            return SIDE if self.data in ("mnist-rows", "digits") else 1, CLASSES
        episodes = self.episodes("train")
        return episodes.input_size, episodes.outputs


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Configuration of a model and its training."""

    data: Problem = field(default_factory=Problem)
    model: Recurrent = field(default_factory=lambda: Recurrent(hidden_size=100, num_layers=1, dropout=0.0))
    training: Training = field(default_factory=lambda: Training(time="5m", weight_decay=0.0))
    start: Start = field(default_factory=Start)

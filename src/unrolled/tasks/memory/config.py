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
from ..common.recurrent import Recurrent

Measured = Literal["valid", "test"]
"""the parts that training does not learn from"""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be remembered, and for how long."""

    data: Name = "adding"
    """the problem"""
    length: int | None = None
    """adding: numbers; copy, repeat-copy: most symbols; recall: steps between (default: 100, 10, 5, 50)"""
    shortest: int = 1
    """copy, repeat-copy: fewest symbols"""
    repeats: int = 5
    """repeat-copy: most repetitions"""
    symbols: int = 10
    """recall: how many of them"""
    bptt: int = 0
    """steps of a window, through which gradients go back; the state goes on further; 0: whole sequences"""

    def __post_init__(self) -> None:
        meaning = PROBLEMS[self.data]
        if meaning.length is None:
            refuse_changed(self, ("length",), f"with {self.data}, whose sequences have one length")
        elif self.length is not None:
            check_size("length", self.length, meaning.least)
        for name in ("repeats", "symbols"):
            check_size(name, getattr(self, name))
        check_size("bptt", self.bptt, least=0)
        if self.data not in ("copy", "repeat-copy"):
            refuse_changed(self, ("shortest",), f"with {self.data}, which has no use for it")
        elif not 1 <= self.shortest <= self.longest:
            raise ArgumentError("shortest", f"from 1 to the length {self.longest}", self.shortest)
        for name, problem in (("repeats", "repeat-copy"), ("symbols", "recall")):
            if self.data != problem:
                refuse_changed(self, (name,), f"with {self.data}, which has no use for it")

    @property
    def longest(self) -> int:
        """The length, as it was given or the default; 0 for pictures."""
        return self.length or PROBLEMS[self.data].length or 0

    @property
    def made(self) -> bool:
        """Whether the sequences are made up as needed, of any length; else they are pictures."""
        return PROBLEMS[self.data].length is not None

    @property
    def loss_unit(self) -> str:
        """What a loss is in."""
        return "squared error" if self.data == "adding" else "nats"

    def episodes(self, part: str, seed: int = 0, batch_size: int = 1) -> Episodes:
        """The sequences of ``train``, in an order that ``seed`` decides, ``valid`` or ``test``."""
        if self.made:
            return generated(self.data, self.longest, self.shortest, self.repeats, self.symbols, part, seed)
        return pictures(self.data, part, batch_size, seed)

    def count(self, episodes: Episodes, part: str) -> int:
        """How many sequences of ``valid`` or ``test`` are measured: of pictures all."""
        return SEQUENCES[part] if self.made else episodes.per_pass

    def sizes(self) -> tuple[int, int]:
        """Numbers of an input and of an output; no files are needed."""
        if not self.made:
            return SIDE if self.data in ("mnist-rows", "digits") else 1, CLASSES
        episodes = self.episodes("train")
        return episodes.input_size, episodes.outputs


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Everything about a model and its training."""

    data: Problem = field(default_factory=Problem)
    model: Recurrent = field(default_factory=lambda: Recurrent(hidden_size=100, num_layers=1, dropout=0.0))
    training: Training = field(default_factory=lambda: Training(weight_decay=0.0))

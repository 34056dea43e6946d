"""Memory: problems that can only be solved by who remembers what was read long ago.

    unrolled train memory adding --length 200 --cell gru --hidden-size 100
    unrolled evaluate runs/memory-adding-1 --length 400

    x_t (B, I) → recurrent layers (B, H) → z_t = W h_t + b (B, O), asked for at some steps only
    adding:       (z − target)²                          copy, repeat-copy:  −Σ_bits log σ(±z)
    recall, digits: −log softmax(z)[target]               in nats per answer

The problems are in `data.generated_sums`, `data.generated_copies` and `data.digits`. Sequences lie back to back in
``batch_size`` lanes, each beginning with a reset. With ``bptt`` 0 a batch is a whole sequence of every lane; else it is
a window of so many steps, the state is carried on, detached, and the sum over the window's answers is divided by their
expected number: a window without any has loss zero, and all gradients have one scale.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from ...cells import State, cell_class, check_size
from ...data.digits import CLASSES, SIDE
from ...data.episodes import Episodes, EpisodeStream, Stretch
from ...data.memory_problems import PROBLEMS, SEQUENCES, Name, generated, pictures
from ...errors import ArgumentError
from ...training.config import refuse_changed
from ...training.metrics import ACCURACY, LOSS, Metric
from ...training.modelfile import ModelFile
from ...training.options import Training
from ...training.pieces import Recompute, cuts
from ...training.task import Task
from ..common.recurrent import Recurrent
from .model import MemoryModel, loss_sum
from .preview import preview
from .trained import TrainedMemory, measure

METRICS = (
    LOSS,
    Metric("mse", "mean squared error", ".5f"),
    Metric("close", "within 0.04", ".1%", larger_is_better=True),
    ACCURACY,
    Metric("bits_per_symbol", "bits per symbol"),
    Metric("right", "sequences right", ".1%", larger_is_better=True),
)

# T steps, B lanes, I numbers of an input, H hidden_size, O numbers of an output


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


class Memory(Task):
    """The task ``memory``; see the module."""

    name: ClassVar[str] = "memory"
    Config: ClassVar[type] = MemoryConfig
    unit: ClassVar[str] = "sequences"
    word: ClassVar[str | None] = "data"
    preview_lines: ClassVar[int] = 16
    metrics = METRICS
    config: MemoryConfig
    stream: EpisodeStream

    def __init__(self, config: MemoryConfig) -> None:
        super().__init__(config)
        if not config.data.made:
            self.decides = "accuracy"
        elif config.data.data == "adding":  # whose loss is that error
            self.metrics = (LOSS._replace(label="squared error", shown=False), *METRICS[1:])

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {}  # problems have names only

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        problem, lanes = config.data, config.training.batch_size
        episodes = problem.episodes("train", config.training.seed, lanes)
        self.stream = EpisodeStream(episodes, lanes, problem.bptt)
        self.valid, self.test = problem.episodes("valid"), problem.episodes("test")
        return [f"{problem.data}: {PROBLEMS[problem.data].title}{f' ({problem.longest})' if problem.made else ''}"]

    def build_model(self) -> nn.Module:
        episodes = self.stream.episodes
        return MemoryModel(episodes.input_size, episodes.outputs, self.config.model)

    @property
    def steps_per_epoch(self) -> float:
        return self.stream.per_pass

    def batch(self, step: int) -> Stretch:
        return self.stream.batch(step)

    def units(self, batch: Stretch) -> float:
        return batch.where.numel() / self.stream.episodes.mean_length if self.stream.bptt else self.stream.batch_size

    def carry(self, model: nn.Module) -> State | None:
        assert isinstance(model, MemoryModel)
        return model.initial_state(self.stream.batch_size) if self.stream.bptt else None

    def loss(self, model: nn.Module, batch: Stretch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, MemoryModel)
        device = self.config.training.device
        resets = batch.resets.to(device) if self.stream.bptt and batch.resets.any() else None
        y, state = model.read(batch.inputs.to(device), carry, resets)
        where = batch.where.to(device)
        loss = loss_sum(self.stream.episodes.kind, model.answer(y[where]), batch.targets.to(device)[where])
        return loss / batch.expected, state if batch.goes_on else None

    def pieces(self, batch: Stretch, steps: Recompute) -> list[tuple[Stretch, float]]:
        T = len(batch.where)
        return [(batch.part(one, one.stop < T or batch.goes_on), (one.stop - one.start) / T) for one in cuts(T, steps)]

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        episodes: Episodes = getattr(self, split)
        return measure(model, episodes, self.config.data.count(episodes, split))

    def preview(self, model: nn.Module) -> str:
        return preview(model, self.valid)

    def assets(self) -> dict[str, Any]:
        return {"data": self.fingerprint()}

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedMemory:
        return TrainedMemory.from_file(file, config)

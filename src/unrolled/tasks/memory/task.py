"""Memory: synthetic problems with long-term dependencies.

    unrolled train memory adding --length 200 --cell gru --hidden-size 100
    unrolled evaluate runs/memory-adding-1 --length 400

    x_t (B, I) → recurrent layers (B, H) → z_t = W h_t + b (B, O), used at some steps only
    adding:       (z − target)²                          copy, repeat-copy:  −Σ_bits log σ(±z)
    recall, digits: −log softmax(z)[target]               in nats per answer

The problems are in `data.generated_sums`, `data.generated_copies` and `data.digits`. The ``batch_size`` lanes (rows of
the batch) contain sequences back to back, each with a reset at its first step. With ``bptt`` 0 a batch is one whole
sequence per lane. Otherwise a batch is a window of ``bptt`` steps, the state is carried to the next window (detached),
and the sum over the answers of the window is divided by their expected number: a window without answers has loss zero,
and all gradients have the same scale.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from torch import Tensor, nn

from ...cells import State, cell_class
from ...data.episodes import Episodes, EpisodeStream, EpisodeWindow
from ...data.memory_problems import PROBLEMS
from ...data.named_data import NamedData
from ...results import Report
from ...training.metrics import LOSS
from ...training.modelfile import ModelFile
from ...training.options import integer
from ...training.pieces import Recompute, cuts
from ...training.task import Task
from ..common.starting import NETWORK
from . import description
from .config import MemoryConfig
from .evaluation import Evaluate
from .metrics import METRICS
from .model import MemoryModel, loss_sum
from .preview import preview
from .trained import TrainedMemory, measure

# T steps, B lanes, I input size, H hidden_size, O output size


class Memory(Task):
    """The task ``memory``; see the module."""

    name: ClassVar[str] = "memory"
    Config: ClassVar[type] = MemoryConfig
    unit: ClassVar[str] = "sequences"
    word: ClassVar[str | None] = "data"
    preview_lines: ClassVar[int] = 16
    Evaluate: ClassVar[type | None] = Evaluate
    metrics = METRICS
    keeps: ClassVar[tuple[str, ...]] = NETWORK
    config: MemoryConfig
    stream: EpisodeStream

    def __init__(self, config: MemoryConfig) -> None:
        super().__init__(config)
        if not config.data.is_generated:
            self.decides = "accuracy"
        elif config.data.data == "adding":  # its loss is the mean squared error
            self.metrics = (LOSS._replace(label="squared error", shown=False), *METRICS[1:])

    @classmethod
    def paths(cls) -> dict[str, Collection[str]]:
        return {"data": PROBLEMS}

    @classmethod
    def named(cls) -> list[NamedData]:
        return description.named()

    def describe(self) -> Report:
        return description.describe(self.config.data)

    def prepare(self) -> list[str]:
        config = self.config
        cell_class(config.model.cell)
        problem, lanes = config.data, integer(config.training.batch_size)
        episodes = problem.episodes("train", config.training.seed, lanes)
        self.stream = EpisodeStream(episodes, lanes, problem.bptt)
        self.valid, self.test = problem.episodes("valid"), problem.episodes("test")
        length = f" ({problem.longest})" if problem.is_generated else ""
        return [f"{problem.data}: {PROBLEMS[problem.data].title}{length}"]

    def build_model(self) -> nn.Module:
        episodes = self.stream.episodes
        return MemoryModel(episodes.input_size, episodes.outputs, self.config.model)

    @property
    def steps_per_epoch(self) -> float:
        return self.stream.per_pass

    def batch(self, step: int) -> EpisodeWindow:
        return self.stream.batch(step)

    def units(self, batch: EpisodeWindow) -> float:
        return batch.where.numel() / self.stream.episodes.mean_length if self.stream.bptt else self.stream.batch_size

    def carry(self, model: nn.Module) -> State | None:
        assert isinstance(model, MemoryModel)
        return model.initial_state(self.stream.batch_size) if self.stream.bptt else None

    def loss(self, model: nn.Module, batch: EpisodeWindow, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, MemoryModel)
        device = self.config.training.device
        resets = batch.resets.to(device) if self.stream.bptt and batch.resets.any() else None
        y, state = model.read(batch.inputs.to(device), carry, resets)
        where = batch.where.to(device)
        loss = loss_sum(self.stream.episodes.kind, model.answer(y[where]), batch.targets.to(device)[where])
        return loss / batch.expected, state if batch.continues else None

    def pieces(self, batch: EpisodeWindow, steps: Recompute) -> list[tuple[EpisodeWindow, float]]:
        T = len(batch.where)
        return [
            (batch.part(cut, cut.stop < T or batch.continues), (cut.stop - cut.start) / T) for cut in cuts(T, steps)
        ]

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        episodes: Episodes = getattr(self, split)
        return measure(model, episodes, self.config.data.count(episodes, split))

    def preview(self, model: nn.Module) -> str:
        return preview(model, self.valid)

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedMemory:
        return TrainedMemory.from_file(file, config)

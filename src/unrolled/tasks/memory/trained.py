"""A model of the task ``memory`` in use, and how well it remembers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...checks import Size, checked_methods
from ...data.digits import DigitSequences
from ...data.episodes import EpisodeArrays, Episodes, Kind
from ...data.generated_sums import CLOSE
from ...results import Progress, Report, silent
from ...training.modelfile import ModelFile
from ..common.recurrent import restored
from ..common.stepwise import Step, Stepwise, state_names
from ..common.trained import Modules, Trained
from .config import Measured
from .evaluation import Evaluate, evaluation
from .model import MemoryModel, loss_sum

AT_ONCE = 2_000_000  # numbers of inputs and states in memory


@checked_methods
class TrainedMemory(Trained):
    """What `unrolled.load` gives for a run of the task ``memory``.

    Args:
        model: ``inputs (T, B, I) → outputs (T, B, O)``.
        config: the config it was trained with.
        fingerprint: of the data it was trained on.
    """

    task: ClassVar[str] = "memory"
    model: MemoryModel

    def __init__(self, model: MemoryModel, config: Any, fingerprint: str | None = None) -> None:
        self.model, self.config, self.fingerprint = model.eval(), config, fingerprint

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedMemory:
        """Build the model a file describes and fill in its weights."""
        input_size, outputs = config.data.sizes()
        model = restored(file, config.model, lambda: MemoryModel(input_size, outputs, config.model))
        return cls(model, config, file.assets.get("data"))

    def evaluate(self, split: Measured = "test", length: int | None = None) -> dict[str, float]:
        """Metrics on sequences that training never saw, of another length if one is given; see `measure`.

        Raises:
            ArgumentError: the sequences cannot have that length.
        """
        problem = self.problem(length)
        episodes = problem.episodes(split)
        return measure(self.model, episodes, problem.count(episodes, split))

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options)

    def streaming(self, lanes: Size = 1) -> Stepwise:
        """See `Trained.streaming`; a step is a vector ``(B, I)``, what is said after it ``(B, O)``."""
        return Stepwise(self.model, lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`."""
        return Modules(self.model, Step(self.model), state_names(self.model.stack), (("inputs",), ("outputs",)), {})

    def problem(self, length: int | None) -> Any:
        """Its problem; with a length, with sequences of just that length."""
        problem = self.config.data
        if length is None:
            return problem
        copies = {"shortest": length} if problem.data in ("copy", "repeat-copy") else {}
        return dataclasses.replace(problem, length=length, **copies)


@torch.no_grad()
def measure(model: nn.Module, episodes: Episodes, count: int) -> dict[str, float]:
    """How well it answers in ``count`` sequences (lanes 0 to ``count`` − 1).

    Returns:
        ``loss`` per answer, as in training, and

        * number: ``mse``, the same, and ``close``, the share of answers within 0.04;
        * bits, class: ``bits_per_symbol`` and ``right``, the share of sequences without a mistake;
        * pictures: ``accuracy``.
    """
    loss = asked = close = right = 0.0
    for made, z, targets, at in answers(model, episodes, count):
        loss += float(loss_sum(episodes.kind, z, targets).double())
        asked += len(z)
        wrong = _wrong(episodes.kind, z, targets)  # (K,)
        close += float((~wrong).sum())
        right += made.where.shape[1] - len(at[wrong.cpu()].unique())
    loss, close, right = loss / asked, close / asked, right / count
    if episodes.kind == "number":
        return {"loss": loss, "mse": loss, "close": close}
    if isinstance(episodes, DigitSequences):
        return {"loss": loss, "accuracy": right}
    return {"loss": loss, "bits_per_symbol": loss / math.log(2), "right": right}


def answers(model: nn.Module, episodes: Episodes, count: int) -> Iterator[tuple[EpisodeArrays, Tensor, Tensor, Tensor]]:
    """Sequences some at a time: what they are, answers ``(K, O)``, targets, and of which sequence each is ``(K,)``."""
    assert isinstance(model, MemoryModel)
    device = next(model.parameters()).device
    a_sequence = episodes.mean_length * (episodes.input_size + 4 * model.stack.output_size)
    some = max(1, min(250, int(AT_ONCE / a_sequence)))
    for begin in range(0, count, some):
        lanes = np.arange(begin, min(begin + some, count))
        made = episodes.make(lanes, np.zeros_like(lanes))
        where = torch.from_numpy(made.where)
        y, _ = model.read(torch.from_numpy(made.inputs).to(device))
        z = model.answer(y[where.to(device)])
        yield made, z, torch.from_numpy(made.targets)[where].to(device), where.nonzero()[:, 1]


def _wrong(kind: Kind, z: Tensor, targets: Tensor) -> Tensor:
    """Which of the answers are wrong, ``(K,)``."""
    match kind:
        case "number":
            return ((z - targets).abs() > CLOSE)[:, 0]
        case "bits":
            return ((z > 0) != (targets > 0.5)).any(1)
        case _:
            return z.argmax(1) != targets

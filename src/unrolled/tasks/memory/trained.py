"""A trained model of the task ``memory`` and its evaluation."""

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

AT_ONCE = 2_000_000  # elements of inputs and states per batch, which bounds the memory footprint


@checked_methods
class TrainedMemory(Trained):
    """A trained model, as returned by `unrolled.load` for a run of the task ``memory``.

    Args:
        model: ``inputs (T, B, I) → outputs (T, B, O)``.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
    """

    task: ClassVar[str] = "memory"
    model: MemoryModel

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> TrainedMemory:
        """Build the model and load the weights of a model file."""
        input_size, outputs = config.data.sizes()
        model = restored(file, config.model, lambda: MemoryModel(input_size, outputs, config.model))
        return cls(model, config, file.assets.get("data"))

    def evaluate(  # type: ignore[override]  # its data are generated
        self, split: Measured = "test", length: int | None = None
    ) -> Report:
        """Evaluate on unseen sequences, of another ``length`` if given; see `Trained.evaluate` and `measure`.

        Raises:
            ArgumentError: the sequences cannot have that length.
        """
        return evaluation(self, Evaluate(split=split, length=length))

    def metrics(self, split: Measured = "test", length: int | None = None) -> dict[str, float]:
        """Return the metrics of `evaluate`, without a report."""
        problem = self.problem(length)
        episodes = problem.episodes(split)
        return measure(self.model, episodes, problem.count(episodes, split))

    def evaluation(self, options: Evaluate, progress: Progress = silent) -> Report:
        """See `Trained.evaluation`."""
        return evaluation(self, options)

    def streaming(self, lanes: Size = 1) -> Stepwise:
        """See `Trained.streaming`; a step maps inputs ``(B, I)`` to outputs ``(B, O)``."""
        return Stepwise(self.model, lanes)

    def modules(self) -> Modules:
        """See `Trained.modules`."""
        return Modules(self.model, Step(self.model), state_names(self.model.stack), (("inputs",), ("outputs",)), {})

    def problem(self, length: int | None) -> Any:
        """Return the problem of the run, with sequences of exactly ``length`` if given."""
        problem = self.config.data
        if length is None:
            return problem
        copies = {"shortest": length} if problem.data in ("copy", "repeat-copy") else {}
        return dataclasses.replace(problem, length=length, **copies)


@torch.no_grad()
def measure(model: nn.Module, episodes: Episodes, count: int) -> dict[str, float]:
    """Evaluate a model on ``count`` sequences (lanes 0 to ``count`` − 1).

    Returns:
        ``loss`` per answer, as in training, and

        * number: ``mse``, equal to it, and ``close``, the fraction of answers within 0.04;
        * bits, class: ``bits_per_symbol`` and ``right``, the fraction of sequences without an error;
        * pictures: ``accuracy``.
    """
    loss = total = close = right = 0.0
    for batch, z, targets, at in answers(model, episodes, count):
        loss += float(loss_sum(episodes.kind, z, targets).double())
        total += len(z)
        wrong = _wrong(episodes.kind, z, targets)  # (K,)
        close += float((~wrong).sum())
        right += batch.where.shape[1] - len(at[wrong.cpu()].unique())
    loss, close, right = loss / total, close / total, right / count
    if episodes.kind == "number":
        return {"loss": loss, "mse": loss, "close": close}
    if isinstance(episodes, DigitSequences):
        return {"loss": loss, "accuracy": right}
    return {"loss": loss, "bits_per_symbol": loss / math.log(2), "right": right}


def answers(model: nn.Module, episodes: Episodes, count: int) -> Iterator[tuple[EpisodeArrays, Tensor, Tensor, Tensor]]:
    """Yield batches: the sequences, answers ``(K, O)``, targets, and the sequence number of each answer ``(K,)``."""
    assert isinstance(model, MemoryModel)
    device = next(model.parameters()).device
    elements = episodes.mean_length * (episodes.input_size + 4 * model.stack.output_size)
    batch_size = max(1, min(250, int(AT_ONCE / elements)))
    for begin in range(0, count, batch_size):
        lanes = np.arange(begin, min(begin + batch_size, count))
        batch = episodes.make(lanes, np.zeros_like(lanes))
        where = torch.from_numpy(batch.where)
        y, _ = model.read(torch.from_numpy(batch.inputs).to(device))
        z = model.answer(y[where.to(device)])
        yield batch, z, torch.from_numpy(batch.targets)[where].to(device), where.nonzero()[:, 1]


def _wrong(kind: Kind, z: Tensor, targets: Tensor) -> Tensor:
    """Return ``(K,)``: whether each answer is wrong."""
    match kind:
        case "number":
            return ((z - targets).abs() > CLOSE)[:, 0]
        case "bits":
            return ((z > 0) != (targets > 0.5)).any(1)
        case _:
            return z.argmax(1) != targets

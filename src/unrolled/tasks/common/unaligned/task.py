"""The base of the tasks on sequences without alignment: batches, loss, evaluation and previews with CTC."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ....cells import State
from ....data.batches import Batches
from ....data.sets import Sets
from ....layers.ctc import frames_needed
from ....results import Part, Text
from ....training.metrics import Metric
from ....training.modelfile import ModelFile
from ....training.options import integer
from ....training.transfer import Taken
from ..description import leaked
from ..excerpts import excerpts
from ..seen import hashes
from ..sets_task import SetsTask
from ..starting import extended_names, head_rows
from .alphabet import Alphabet
from .examples import Counts, Targets, padded, usable
from .measures import METRICS, rates
from .model import CTCNetwork
from .preview import alignments, blank_share, blank_sign, phase
from .trained import TrainedReader

# N training examples, B examples of a batch

SCORED = 200  # validation examples read at every evaluation
HEAD = ("head.",)


class Batch(NamedTuple):
    """Padded inputs, their sizes, and the classes of their texts."""

    inputs: Tensor  # (B, …)
    widths: Tensor  # (B,)
    targets: Targets


class UnalignedTask(SetsTask):
    """A task on arrays with texts, which `read` into ``sets``; its model is a `TrainedReader`."""

    metrics: tuple[Metric, ...] = METRICS
    decides: str = "cer"
    noun: ClassVar[str]
    trained: ClassVar[type[TrainedReader[Any]]]
    sets: Sets[Any]

    @abstractmethod
    def read(self) -> Sets[Any]:
        """Read the data; the configuration is completed with what depends on them."""

    @abstractmethod
    def about(self) -> list[str]:
        """Return notes on the inputs."""

    more_frames: ClassVar[str]
    """what gives an example more frames, for errors"""

    def changed(self, arrays: list[npt.NDArray[Any]], least: Counts, step: int) -> list[npt.NDArray[Any]]:
        """Return the arrays of a batch with random changes, a pure function of the step.

        Args:
            arrays: the arrays.
            least: ``(B,)``, the frames that each needs at least.
            step: the number of the step.
        """
        return arrays

    def prepare(self) -> list[str]:
        self.sets = self.read()
        config, train = self.config, self.sets.train
        self.alphabet = Alphabet.of(train.texts, config.data.order())
        if self.source is not None:
            names = extended_names(self.source.assets.get("alphabet"), self.alphabet.names, config.start)
            self.alphabet = Alphabet(names, self.alphabet.order)
        targets = [self.alphabet.encode(text) for text in train.texts]
        with torch.device("meta"):
            frames = self.trained.encoder(self.config).frames
        sizes = np.asarray(train.widths, np.int64)
        kept, notes = usable(train, targets, _counts(frames, sizes), self.more_frames, config.data.too_long)
        self.rows, self.targets = kept, [targets[n] for n in kept]
        training = config.training
        self.batches = Batches(sizes[kept].tolist(), integer(training.batch_size), training.seed)
        self.step = 0
        parts = self.sets.parts()
        counts = ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
        characters = sum(map(len, train.texts))
        found = [
            f"{config.data.data}: {counts} {self.noun}",
            *self.about(),
            *self.sets.how,
            *excerpts(train.texts),
            f"{len(self.alphabet) - 1:,} symbols in {characters:,} characters of training texts",
            *self.sets.notes,
            *notes,
            *leaked({name: part.digests for name, part in parts.items()}, self.noun),
        ]
        for name, what in (("valid", "validation"), ("test", "test")):
            found += self.alphabet.unknown_note(parts[name].texts, f"the {what} texts")
        if not len(parts["test"]):
            found.append(f"no test {self.noun}: the final report has no test metrics")
        return found

    def taken(self) -> dict[str, Taken]:
        assert self.source is not None
        found = {name: Taken(tensor) for name, tensor in self.source.tensors.items() if not name.startswith(HEAD)}
        if self.config.start.head == "new":
            return found
        old = self.source._replace(assets={"classes": ["", *self.source.assets["alphabet"]]})
        return found | head_rows(old, self.alphabet.symbols, HEAD)

    def build_model(self) -> nn.Module:
        return CTCNetwork(self.trained.encoder(self.config), len(self.alphabet), self.config.model.rate)

    @property
    def steps_per_epoch(self) -> float:
        return self.batches.per_epoch

    def batch(self, step: int) -> Batch:
        self.step = step + 1
        chosen = self.batches[step].tolist()
        targets = padded([self.targets[n] for n in chosen])
        arrays = [self.sets.train[self.rows[n]] for n in chosen]
        arrays = self.changed(arrays, frames_needed(targets.ids.numpy(), targets.lengths.numpy()), step)
        return Batch(*self.trained.collate(arrays), targets)

    def units(self, batch: Batch) -> float:
        return float(len(batch.widths))

    def loss(self, model: nn.Module, batch: Batch, carry: State | None) -> tuple[Tensor, State | None]:
        assert isinstance(model, CTCNetwork)
        losses = model.loss(batch.inputs.to(self.config.training.device), batch.widths, batch.targets)
        return (losses / batch.targets.lengths.to(losses)).mean(), None

    def evaluate(self, model: nn.Module, split: str) -> dict[str, float]:
        examples = self.sets.parts()[split]
        if not len(examples):
            return {}
        if split == "valid":
            examples = examples.pick(_spread(len(examples), SCORED))
        handle = self.handle(model)
        found = [handle.text(best) for best, *_ in handle.transcripts(examples, examples.widths)]
        return {"loss": handle.loss(examples), **rates(found, examples.texts)}

    def preview(self, model: nn.Module) -> Sequence[Part]:
        valid, handle = self.sets.valid, self.handle(model)
        shown = valid.pick(_spread(len(valid), SCORED // 10))
        found = [best for best, *_ in handle.transcripts(shown, shown.widths)]
        frames = _counts(handle.model.encoder.frames, shown.widths).tolist()
        empty = not any(transcript.pieces for transcript in found)
        lines = [
            phase(blank_share(found, frames), empty, self.step),
            *alignments(found, [*map(handle.text, found)], shown.texts, frames, blank_sign(self.alphabet.names)),
        ]
        return [Text("\n".join(lines))]

    def handle(self, model: nn.Module) -> TrainedReader[Any]:
        """Return the trained model of a network."""
        assert isinstance(model, CTCNetwork)
        return self.trained(model, self.alphabet, self.config)

    @classmethod
    def open(cls, file: ModelFile, config: Any) -> TrainedReader[Any]:
        return cls.trained.from_file(file, config)

    def test_cost(self) -> float:
        own = self.sets.valid if len(self.sets.valid) else self.sets.train
        return len(self.sets.test) / min(SCORED, len(own))

    def assets(self) -> dict[str, Any]:
        return {
            "alphabet": self.alphabet.names,
            "data": self.fingerprint(),
            "seen": hashes(self.sets.train.digests),
        }


def _counts(frames: Callable[[Tensor], Tensor], widths: Counts) -> Counts:
    """Return the number of frames of inputs with these sizes."""
    found: Counts = frames(torch.from_numpy(np.asarray(widths, np.int64))).numpy()
    return found


def _spread(count: int, most: int) -> list[int]:
    """Return at most ``most`` indices below ``count``, evenly spaced."""
    return [n * count // min(count, most) for n in range(min(count, most))]

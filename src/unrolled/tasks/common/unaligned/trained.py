"""The base of trained models that read texts: logits, transcripts and losses of examples in batches of similar size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, NoReturn, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ....checks import UNCHECKED, Size, checked_methods
from ....data.batches import in_order
from ....decoding.transcript import Transcript
from ....results import Picture
from ....training.modelfile import ModelFile
from ..own_data import TrainedOnSets
from ..prediction import Part
from ..recurrent import restored
from .alphabet import Alphabet
from .decoding import DecodingOptions, Reading
from .examples import Transcribed, needed, padded
from .measures import rates
from .model import CTCNetwork, Encoder

E = TypeVar("E", bound=Transcribed)

BATCH, FRAMES = 16, 1 << 14  # examples, and frames with padding, of a batch


class Logits(NamedTuple):
    """The output of the network for a batch."""

    numbers: list[int]  # of the examples
    logits: Tensor  # (T, B, C)
    frames: Tensor  # (B,)


@checked_methods
class TrainedReader(TrainedOnSets[E]):
    """A trained model that reads texts: lines of a picture, or what is spoken.

    Args:
        model: the network.
        alphabet: the names of its classes.
        config: the configuration it was trained with.
        fingerprint: digest of the training data.
    """

    model: CTCNetwork
    encoder: ClassVar[Callable[[Any], Encoder]]
    """configuration → a new encoder"""

    def __init__(self, model: CTCNetwork, alphabet: Alphabet, config: Any, fingerprint: str | None = None) -> None:
        super().__init__(model, config, fingerprint)
        self.alphabet = alphabet

    @classmethod
    def from_file(cls, file: ModelFile, config: Any) -> Self:
        """Build the model and load the weights of a model file.

        Raises:
            RunError: the file lacks the alphabet, or the weights do not fit.
        """
        alphabet = Alphabet.from_json(file.assets.get("alphabet"), config.data.order())
        model = restored(file, config.model, lambda: CTCNetwork(cls.encoder(config), len(alphabet), config.model.rate))
        return cls(model, alphabet, config, file.assets.get("data"))

    @staticmethod
    @abstractmethod
    def collate(arrays: Annotated[Sequence[npt.NDArray[Any]], UNCHECKED]) -> tuple[Tensor, Tensor]:
        """Return arrays as inputs of the network ``(B, …)``, padded, and their sizes ``(B,)``."""

    @abstractmethod
    def width(self, array: Annotated[npt.NDArray[Any], UNCHECKED]) -> int:
        """Return the size of an array along time."""

    @property
    @abstractmethod
    def frame_size(self) -> float:
        """The size of a frame, in the unit of places in results: columns of pixels, or seconds."""

    @abstractmethod
    def explained(
        self, name: str, array: Annotated[npt.NDArray[Any], UNCHECKED], found: Annotated[Transcript, UNCHECKED]
    ) -> Picture:
        """Return a drawing of an input above the characters, each where it was read."""

    @torch.no_grad()
    def logits(self, arrays: Annotated[Any, UNCHECKED], widths: Annotated[Any, UNCHECKED]) -> Iterator[Logits]:
        """Yield the logits of arrays, which may be read when they are needed, shortest first.

        Args:
            arrays: the arrays by number.
            widths: ``(N,)``, their sizes.
        """
        frames = self.model.encoder.frames(torch.as_tensor(np.asarray(widths, np.int64)))
        for batch in in_order(frames.tolist(), BATCH, FRAMES) if len(frames) else ():
            numbers = batch.tolist()
            inputs, sizes = self.collate([arrays[n] for n in numbers])
            yield Logits(numbers, self.model(inputs.to(self.device), sizes).float().cpu(), frames[numbers])

    def transcripts(
        self,
        arrays: Annotated[Any, UNCHECKED],
        widths: Annotated[Any, UNCHECKED],
        reading: Annotated[Reading | None, UNCHECKED] = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[list[Transcript]]:
        """Return the transcripts of each array, best first; greedy ones without ``reading``; see `logits`."""
        reading = reading or Reading(self.alphabet, DecodingOptions())
        found: dict[int, list[Transcript]] = {}
        for numbers, logits, frames in self.logits(arrays, widths):
            found |= dict(zip(numbers, reading.transcripts(logits, frames), strict=True))
            if progress is not None:
                progress(len(found))
        return [found[n] for n in range(len(found))]

    def text(self, transcript: Annotated[Transcript, UNCHECKED]) -> str:
        """Return the text of a transcript, in logical order."""
        return self.alphabet.text([piece.symbol for piece in transcript.pieces])

    @torch.no_grad()
    def loss(self, examples: Annotated[E, UNCHECKED]) -> float:
        """Return the loss in nats per character, of the examples whose texts fit their frames."""
        frames = self.model.encoder.frames(torch.as_tensor(examples.widths)).numpy()
        targets = [self.alphabet.encode(text) for text in examples.texts]
        sizes = np.array([len(ids) for ids in targets])
        fitting = np.flatnonzero((needed(targets) <= frames) & (sizes > 0))
        total = 0.0
        for batch in in_order(frames[fitting].tolist(), BATCH, FRAMES) if len(fitting) else ():
            numbers = fitting[batch].tolist()
            inputs, widths = self.collate([examples[n] for n in numbers])
            losses = self.model.loss(inputs.to(self.device), widths, padded([targets[n] for n in numbers]))
            total += float(losses.double().sum())
        return total / max(1, int(sizes[fitting].sum()))

    def evaluate_data(self, data: str | Path | None = None, split: Part = "test") -> dict[str, Any]:
        """Return the metrics of greedy decoding on the examples that `find` returns, the examples and notes.

        Raises:
            DataError: there are no examples.
            RunError: the run's own data cannot be read, or have changed.
        """
        examples, notes = self.find(data, split)
        read = [self.text(best) for best, *_ in self.transcripts(examples, examples.widths)]
        return {"loss": self.loss(examples), **rates(read, examples.texts), "examples": examples, "notes": notes}

    def streaming(self, lanes: Size = 1) -> NoReturn:
        """Raise `RunError`: the network reads in both directions; see `Trained.streaming`."""
        raise self.unable("answer step by step: it reads in both directions")

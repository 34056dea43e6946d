"""Interactive generation: the user and the model write a text in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import torch

from ..checks import Count, checked_methods
from ..data.vocabulary import Vocabulary
from ..errors import ArgumentError
from ..kernels.generation import Frozen
from .frozen import Pace, draws
from .generate import Logits, Step, TextWriter
from .sampling import Sampling, SamplingOptions

Read = Callable[[str, Any], tuple[Logits, Any]]
"""``(text, state or None) -> (logits (1, V) of the next token, state)``"""


class Place(NamedTuple):
    """A position in the text: logits of the next token, the state, and the number of tokens generated so far."""

    logits: Logits | None = None
    state: Any = None
    position: int = 0


@dataclass
class Chunk:
    """The tokens of one call of a frozen model; ``used`` of the ``count`` are in the text returned so far."""

    frozen: Frozen | None
    sampling: Sampling
    start: Place
    count: int
    used: int = 0


@checked_methods
class Session:
    """Reads text and generates continuations, keeping the state between calls.

    Args:
        vocabulary: the model's vocabulary.
        read: reads a text and returns logits and state.
        step: one step of the model.
        opening: text to read first if generation starts without any other text.
        frozen: a frozen copy of the model, used for generation instead of ``step``; or a function that makes one for a
            number of tokens, called by every `write`, and may return `None`.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        read: Read,
        step: Step,
        opening: str,
        frozen: Frozen | Callable[[int], Frozen | None] | None = None,
    ) -> None:
        self.vocabulary, self.opening = vocabulary, opening
        self._read, self._step, self._frozen = read, step, frozen
        self.forget()

    def forget(self) -> None:
        """Reset the state and the position."""
        self._place = Place()
        self._chunk: Chunk | None = None  # the last one of a frozen model

    def read(self, text: str) -> None:
        """Read ``text`` as if the model had generated it.

        Raises:
            ArgumentError: the text has characters outside the vocabulary; the state is unchanged.
        """
        if text:
            self._discard_unused()
            logits, state = self._read(text, self._place.state)
            self._place = Place(logits, state, self._place.position)

    def write(
        self,
        sampling: Sampling | None = None,
        length: Count = 500,
        stop: str | None = None,
        **options: Unpack[SamplingOptions],
    ) -> Iterator[str]:
        """Generate up to ``length`` tokens and yield the text piece by piece.

            for piece in session.write(length=60, temperature=0.5, stop="\\n"):
                print(piece, end="")

        If the caller stops early, the state is that after the last piece.

        Args:
            sampling: the options of sampling as one value.
            length: maximum tokens to generate.
            stop: end before this text is generated.
            options: the options of sampling by name, as of `TrainedLanguageModel.generate`, instead of ``sampling``.

        Raises:
            ArgumentError: an option is unknown or invalid, or is given beside ``sampling``.
        """
        if sampling is not None and options:
            raise ArgumentError("sampling", f"omitted with {', '.join(options)}", sampling)
        return self._write(sampling or Sampling(**options), length, stop)

    def _write(self, sampling: Sampling, length: int, stop: str | None) -> Iterator[str]:
        self._discard_unused()
        if self._place.logits is None:
            self.read(self.opening)
        frozen = self._frozen(length) if callable(self._frozen) else self._frozen
        writer, pace, left = TextWriter(self.vocabulary, stop), Pace(), length
        while left > 0:
            ids, chunk = self._choose(frozen, sampling, pace, left)
            left -= len(ids)
            for used, text in enumerate(writer.feed_each(ids), 1):
                chunk.used = used
                if text:
                    yield text
            if writer.done:
                return
        if text := writer.close():
            yield text

    def _choose(
        self, frozen: Frozen | None, sampling: Sampling, pace: Pace, left: int
    ) -> tuple[npt.NDArray[np.int64], Chunk]:
        """Sample the next token, or a chunk of tokens with a frozen model, and move the position past them."""
        self._discard_unused()
        logits, state, position = before = self._place
        assert logits is not None
        if frozen is None:
            ids = sampling.choose(logits, position, np.zeros(1, dtype=np.int64))
            self._place = Place(*self._step(ids, state), position + 1)
            return ids, Chunk(None, sampling, before, 1)
        chosen, next_logits, state = pace.run(frozen, torch.from_numpy(logits), state, sampling, position, left)
        self._place = Place(next_logits.numpy(), state, position + len(chosen))
        self._chunk = Chunk(frozen, sampling, before, len(chosen))
        return chosen[:, 0].numpy(), self._chunk

    def _discard_unused(self) -> None:
        """If tokens of the last chunk were not consumed, return to its start and regenerate only the consumed ones."""
        chunk, self._chunk = self._chunk, None
        if chunk is None or chunk.used == chunk.count:
            return
        assert chunk.frozen is not None
        assert chunk.start.logits is not None
        logits, state, position = torch.from_numpy(chunk.start.logits), chunk.start.state, chunk.start.position
        _, next_logits, state = chunk.frozen.run(logits, state, chunk.used, draws(chunk.sampling, position, 1))
        self._place = Place(next_logits.numpy(), state, position + chunk.used)

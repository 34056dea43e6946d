"""Interactive generation: the user and the model write a text in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Unpack

import numpy as np
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


@checked_methods
class Session:
    """Reads text and generates continuations, keeping the state between calls.

    Args:
        vocabulary: the model's vocabulary.
        read: reads a text and returns logits and state.
        step: one step of the model.
        opening: text to read first if generation starts without any other text.
        frozen: a frozen copy of the model, used for generation instead of ``step``.
    """

    def __init__(
        self, vocabulary: Vocabulary, read: Read, step: Step, opening: str, frozen: Frozen | None = None
    ) -> None:
        self.vocabulary, self.opening = vocabulary, opening
        self._read, self._step, self._frozen = read, step, frozen
        self.forget()

    def forget(self) -> None:
        """Reset the state and the position."""
        self._place = Place()
        self._chunk: tuple[Place, Sampling, int] | None = None  # its start, the sampling, tokens not yet consumed

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
        writer, pace, left = TextWriter(self.vocabulary, stop), Pace(), length
        while left > 0:
            for id in self._choose(sampling, pace, left):
                left -= 1
                if self._chunk is not None:
                    start, chunk_sampling, unused = self._chunk
                    self._chunk = start, chunk_sampling, unused - 1
                if text := writer.feed(id):
                    yield text
                if writer.done:
                    return
        if text := writer.close():
            yield text

    def _choose(self, sampling: Sampling, pace: Pace, left: int) -> list[int]:
        """Sample the next token, or a chunk of tokens with a frozen model, and move the position past them."""
        self._discard_unused()
        logits, state, position = before = self._place
        assert logits is not None
        if self._frozen is None:
            ids = sampling.choose(logits, position, np.zeros(1, dtype=np.int64))
            self._place = Place(*self._step(ids, state), position + 1)
            return [int(ids[0])]
        chunk, next_logits, state = pace.run(self._frozen, torch.from_numpy(logits), state, sampling, position, left)
        self._place = Place(next_logits.numpy(), state, position + len(chunk))
        self._chunk = before, sampling, len(chunk)
        return chunk[:, 0].tolist()

    def _discard_unused(self) -> None:
        """If tokens of the last chunk were not consumed, return to its start and regenerate only the consumed ones."""
        chunk, self._chunk = self._chunk, None
        if chunk is None or chunk[2] == 0:
            return
        (logits, state, position), sampling, unused = chunk
        assert self._frozen is not None
        assert logits is not None
        count = self._place.position - position - unused
        _, next_logits, state = self._frozen.run(torch.from_numpy(logits), state, count, draws(sampling, position, 1))
        self._place = Place(next_logits.numpy(), state, position + count)

"""A text that a person and a model write in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from ..checks import Count, checked_methods
from ..data.vocabulary import Vocabulary
from ..kernels.generation import Frozen
from .frozen import Pace, draws
from .generate import Logits, Step, TextWriter
from .sampling import Sampling

Read = Callable[[str, Any], tuple[Logits, Any]]
"""``(text, state or None) -> (logits (1, V) of what comes next, state)``"""


class Place(NamedTuple):
    """Where a text stands: what comes next, the state, and how many symbols the model has written."""

    logits: Logits | None = None
    state: Any = None
    position: int = 0


@checked_methods
class Session:
    """Reads what it is given and writes on from there; its state is kept from one to the next.

    Args:
        vocabulary: the model's symbols.
        read: reads a text.
        step: one step of the model.
        opening: read first if there is nothing to go on from.
        frozen: a frozen copy of the model, to write with instead of ``step``.
    """

    def __init__(
        self, vocabulary: Vocabulary, read: Read, step: Step, opening: str, frozen: Frozen | None = None
    ) -> None:
        self.vocabulary, self.opening = vocabulary, opening
        self._read, self._step, self._frozen = read, step, frozen
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._place = Place()
        self._chunk: tuple[Place, Sampling, int] | None = None  # where it began, how, symbols of it not yet taken

    def read(self, text: str) -> None:
        """Go on from ``text``, as if the model had written it.

        Raises:
            ArgumentError: it has characters outside the vocabulary; nothing of it was read.
        """
        if text:
            self._settle()
            logits, state = self._read(text, self._place.state)
            self._place = Place(logits, state, self._place.position)

    def write(self, sampling: Sampling, length: Count, stop: str | None = None) -> Iterator[str]:
        """Up to ``length`` symbols, piece by piece. Whoever stops listening finds the state where the text ends."""
        self._settle()
        if self._place.logits is None:
            self.read(self.opening)
        writer, pace, left = TextWriter(self.vocabulary, stop), Pace(), length
        while left > 0:
            for id in self._choose(sampling, pace, left):
                left -= 1
                if self._chunk is not None:
                    began, how, rest = self._chunk
                    self._chunk = began, how, rest - 1
                if text := writer.feed(id):
                    yield text
                if writer.done:
                    return
        if text := writer.close():
            yield text

    def _choose(self, sampling: Sampling, pace: Pace, left: int) -> list[int]:
        """The next symbols, one or with a frozen model several; the place is then behind them all."""
        self._settle()
        logits, state, position = before = self._place
        assert logits is not None
        if self._frozen is None:
            ids = sampling.choose(logits, position, np.zeros(1, dtype=np.int64))
            self._place = Place(*self._step(ids, state), position + 1)
            return [int(ids[0])]
        many, ahead, state = pace.run(self._frozen, torch.from_numpy(logits), state, sampling, position, left)
        self._place = Place(ahead.numpy(), state, position + len(many))
        self._chunk = before, sampling, len(many)
        return many[:, 0].tolist()

    def _settle(self) -> None:
        """If symbols of a chunk were never taken, go back to its beginning and write only those that were."""
        chunk, self._chunk = self._chunk, None
        if chunk is None or chunk[2] == 0:
            return
        (logits, state, position), sampling, rest = chunk
        assert self._frozen is not None
        assert logits is not None
        count = self._place.position - position - rest
        _, ahead, state = self._frozen.run(torch.from_numpy(logits), state, count, draws(sampling, position, 1))
        self._place = Place(ahead.numpy(), state, position + count)

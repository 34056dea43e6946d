"""A text that a person and a model write in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..data.vocabulary import Vocabulary
from .generate import Logits, Step, TextWriter
from .sampling import Sampling

Read = Callable[[str, Any], tuple[Logits, Any]]
"""``(text, state or None) -> (logits (1, V) of what comes next, state)``"""


class Session:
    """Reads what it is given and writes on from there; its state is kept from one to the next.

    Args:
        vocabulary: the model's symbols.
        read: reads a text.
        step: one step of the model.
        opening: read first if there is nothing to go on from.
    """

    def __init__(self, vocabulary: Vocabulary, read: Read, step: Step, opening: str) -> None:
        self.vocabulary, self.opening = vocabulary, opening
        self._read, self._step = read, step
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._logits: Logits | None = None
        self._state: Any = None
        self._position = 0

    def read(self, text: str) -> None:
        """Go on from ``text``, as if the model had written it.

        Raises:
            ArgumentError: it has characters outside the vocabulary; nothing of it was read.
        """
        if text:
            self._logits, self._state = self._read(text, self._state)

    def write(self, sampling: Sampling, length: int, stop: str | None = None) -> Iterator[str]:
        """Up to ``length`` symbols, piece by piece. Whoever stops listening finds the state where the text ends."""
        if self._logits is None:
            self.read(self.opening)
        writer, stream = TextWriter(self.vocabulary, stop), np.zeros(1, dtype=np.int64)
        for _ in range(length):
            assert self._logits is not None
            ids = sampling.choose(self._logits, self._position, stream)
            self._logits, self._state = self._step(ids, self._state)
            self._position += 1
            if text := writer.feed(int(ids[0])):
                yield text
            if writer.done:
                return
        if text := writer.close():
            yield text

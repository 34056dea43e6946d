"""Writing text, symbol by symbol, from anything that has a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import Count, checked
from ..data.vocabulary import StreamingDecoder, Vocabulary
from ..errors import ArgumentError
from .sampling import Sampling

Logits = npt.NDArray[np.floating]
Step = Callable[[npt.NDArray[np.int64], Any], tuple[Logits, Any]]
"""``(ids (B,), state) -> (logits (B, V) of what comes next, state)``"""


@checked
def generate(
    step: Step, logits: Logits, state: Any, sampling: Sampling, length: Count
) -> Iterator[npt.NDArray[np.int64]]:
    """Draw ``length`` symbols for B streams, ids ``(B,)`` at a time.

    Args:
        step: one step of the model.
        logits: ``(B, V)``, what comes after the prompt.
        state: the state after the prompt.
        sampling: how to choose.
        length: how many.
    """
    streams = np.arange(logits.shape[0])
    for position in range(length):
        ids = sampling.choose(logits, position, streams)
        yield ids
        if position + 1 < length:
            logits, state = step(ids, state)


class TextWriter:
    """Turns one stream's ids into text as they come, and ends it at a stop string.

    A character whose bytes are not all there is held back, and so is what may be the beginning of the stop string.
    """

    @checked
    def __init__(self, vocabulary: Vocabulary, stop: str | None = None) -> None:
        if stop == "":
            raise ArgumentError("stop", "text of at least one character", stop)
        self.decoder = StreamingDecoder(vocabulary)
        self.stop, self.held, self.done = stop, "", False

    def feed(self, id: int) -> str:
        """The text that is certain now that ``id`` is known; nothing more once `done`."""
        return "" if self.done else self._take(self.decoder.feed(id))

    def close(self) -> str:
        """The text still held back, when no more ids will come."""
        if self.done:
            return ""
        rest = self._take(self.decoder.flush()) + self.held
        self.held, self.done = "", True
        return rest

    def _take(self, text: str) -> str:
        if self.stop is None:
            return text
        self.held += text
        at = self.held.find(self.stop)
        if at >= 0:
            text, self.held, self.done = self.held[:at], "", True
            return text
        # hold back the longest end that the stop string begins with
        longest = min(len(self.held), len(self.stop) - 1)
        keep = next((n for n in range(longest, 0, -1) if self.stop.startswith(self.held[-n:])), 0)
        cut = len(self.held) - keep
        text, self.held = self.held[:cut], self.held[cut:]
        return text

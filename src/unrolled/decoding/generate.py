"""Autoregressive generation, token by token, from any model with a step function."""

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
"""``(ids (B,), state) -> (logits (B, V) of the next token, state)``"""


@checked
def generate(
    step: Step, logits: Logits, state: Any, sampling: Sampling, length: Count
) -> Iterator[npt.NDArray[np.int64]]:
    """Sample ``length`` tokens for B streams; yield the ids ``(B,)`` of each position.

    Args:
        step: one step of the model.
        logits: ``(B, V)``, of the first token after the prompt.
        state: the state after the prompt.
        sampling: the sampling options.
        length: number of tokens.
    """
    streams = np.arange(logits.shape[0])
    for position in range(length):
        ids = sampling.choose(logits, position, streams)
        yield ids
        if position + 1 < length:
            logits, state = step(ids, state)


class TextWriter:
    """Decodes the token ids of one stream to text as they arrive, up to a stop string.

    Incomplete characters, and text that may be the beginning of the stop string, are held back.

    Args:
        vocabulary: decodes the ids.
        stop: the stop string; `None` for none. It is not part of the text.

    Raises:
        ArgumentError: the stop string is empty.
    """

    @checked
    def __init__(self, vocabulary: Vocabulary, stop: str | None = None) -> None:
        if stop == "":
            raise ArgumentError("stop", "text of at least one character", stop)
        self.decoder = StreamingDecoder(vocabulary)
        self.stop, self.held, self.done = stop, "", False

    def feed(self, id: int) -> str:
        """Return the text that is complete after ``id``; an empty string once `done`."""
        return "" if self.done else self._take(self.decoder.feed(id))

    @checked
    def feed_many(self, ids: npt.NDArray[np.int64]) -> str:
        """Return the text that is complete after several ids ``(n,)``; an empty string once `done`."""
        return "" if self.done else self._take(self.decoder.feed_many(ids))

    @checked
    def feed_each(self, ids: npt.NDArray[np.int64]) -> list[str]:
        """Return the text that is complete after each of several ids ``(n,)``, up to the id that makes it `done`."""
        texts = self.decoder.feed_each(ids)
        if self.stop is None:
            return texts
        taken = list[str]()
        for text in texts:
            if self.done:
                break
            taken.append(self._take(text))
        return taken

    def close(self) -> str:
        """Return the text still held back, at the end of the ids."""
        if self.done:
            return ""
        rest = self._take(self.decoder.flush()) + self.held
        self.held, self.done = "", True
        return rest

    def _take(self, text: str) -> str:
        if self.stop is None or (not self.held and self.stop[0] not in text):
            return text
        self.held += text
        at = self.held.find(self.stop)
        if at >= 0:
            text, self.held, self.done = self.held[:at], "", True
            return text
        # hold back the longest suffix that is a prefix of the stop string
        longest = min(len(self.held), len(self.stop) - 1)
        keep = next((n for n in range(longest, 0, -1) if self.stop.startswith(self.held[-n:])), 0)
        cut = len(self.held) - keep
        text, self.held = self.held[:cut], self.held[cut:]
        return text

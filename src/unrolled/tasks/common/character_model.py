"""A trained language model of characters as CTC beam search reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ...analysis.text_windows import LanguageModelHandle
from ...errors import ArgumentError
from ...training.process import device_of


class Opened(LanguageModelHandle, Protocol):
    """A language model that names the text before the first character of a sample."""

    def opening(self) -> str:
        """Return the text that precedes an unconditional sample."""


class LanguageModelReader:
    """A `CharacterModel` of a trained language model, for `CTCDecoder(…, lm=)`.

    Args:
        handle: the language model, as `unrolled.load` returns it.

    Raises:
        ArgumentError: its tokens are not characters.
    """

    def __init__(self, handle: Opened) -> None:
        vocabulary = handle.vocabulary
        if vocabulary.kind != "char":
            remedy = "train one with --vocabulary char"
            raise ArgumentError("lm", "a language model of characters", f"one of {vocabulary.kind} tokens", remedy)
        self.alphabet: Sequence[str] = [vocabulary.decode([id]) for id in range(len(vocabulary))]
        self._model, self._opening = handle.model, vocabulary.encode(handle.opening())
        self._device = device_of(handle.model)

    def start(self) -> tuple[Tensor, Any]:
        """Return ``(log_probs (1, V), state)`` after the opening of a text."""
        return self._read(torch.tensor([int(id) for id in self._opening])[:, None], None)

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return ``(log_probs (N, V), state)`` after the characters ``ids (N,)``."""
        return self._read(ids[None], state)

    @torch.no_grad()
    def _read(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        self._model.eval()
        logits, state = self._model(ids.to(self._device), state, None)
        return logits[-1].float().log_softmax(1).cpu(), state

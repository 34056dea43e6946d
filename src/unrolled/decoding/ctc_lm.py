"""A language model of characters in CTC beam search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ..cells.state import put, select
from ..errors import ArgumentError

# N rows, V symbols of the language model, C classes of the logits

LEAST = -1e4  # stands for log 0, so that no prefix becomes impossible


@runtime_checkable
class CharacterModel(Protocol):
    """A language model that scores the next character.

    ``alphabet`` names the V columns of its log-probabilities. The state is a pytree of tensors with rows in
    dimension 0.
    """

    alphabet: Sequence[str]

    def start(self) -> tuple[Tensor, Any]:
        """Return ``(log_probs (1, V), state)`` at the beginning of a text."""

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return ``(log_probs (N, V), state)`` after the characters ``ids (N,)`` int64."""


class Scorer:
    """The scores of a language model for the prefixes of one beam: weight · log P(symbol) + bonus.

    Args:
        model: the language model.
        symbols: the names of the classes; that of the blank is ignored.
        blank: the class of the blank.
        weight: factor of its log-probabilities.
        bonus: added for each symbol.
        rows: number of prefixes.

    Raises:
        ArgumentError: the alphabet of the model lacks a symbol.
    """

    def __init__(
        self, model: CharacterModel, symbols: Sequence[str], blank: int, weight: float, bonus: float, rows: int
    ) -> None:
        self.model, self.weight, self.bonus, self.rows, self.blank = model, weight, bonus, rows, blank
        known = {name: i for i, name in enumerate(model.alphabet)}
        if missing := [s for i, s in enumerate(symbols) if i != blank and s not in known]:
            remedy = f"it lacks {len(missing)} of them, e.g. {', '.join(map(repr, missing[:5]))}"
            raise ArgumentError("lm", "a model whose alphabet has every symbol", len(known), remedy)
        self.columns = torch.tensor([known.get(s, 0) if i != blank else 0 for i, s in enumerate(symbols)])
        self.ids = self.columns.tolist()
        self.state: Any = None

    def score(self, fresh: Sequence[tuple[int, int, int]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Compute the scores ``(N, C)`` of new prefixes, given as (row, parent's row, symbol); -1 for no parent."""
        if fresh[0][1] < 0:
            log_probs, state = self.model.start()
            self.state = select(state, torch.zeros(self.rows, dtype=torch.int64))
        else:
            to, parents, symbols = zip(*fresh, strict=True)
            ids = torch.tensor([self.ids[k] for k in symbols])
            log_probs, state = self.model.step(ids, select(self.state, torch.tensor(parents)))
            self.state = put(self.state, torch.tensor(to), state)
        expected = (len(fresh), len(self.model.alphabet))
        if log_probs.shape != expected or log_probs.isnan().any():
            received = tuple(log_probs.shape) if log_probs.shape != expected else "NaN"
            raise ArgumentError("lm", f"a model that returns log-probabilities {expected}", received)
        scores = log_probs.float().cpu()[:, self.columns].clamp(min=LEAST) * self.weight + self.bonus
        return np.ascontiguousarray(scores.numpy())

"""Saved states at regular positions of a running text, from which any stretch of it can be recomputed quickly.

The text is read in the lanes of `passes.RunningText` (a lane: a batch row that carries its state). The state is saved
at the beginning of each stretch of a lane, so recomputing a stretch gives the same values as one pass over the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..analysis.passes import RunningText
from ..analysis.tokenized import Ids

# B lanes, S stretches, T steps

SHORTEST, LONGEST = 64, 1024  # tokens of a stretch: shorter ones are recomputed faster, but need more memory
MEMORY_LIMIT = 192 << 20  # bytes for all saved states


class Checkpoints:
    """The stretches of a text, and the state before each, where it has been computed.

    Attributes:
        firsts: ``(S,)``, ascending: the first token that is read for each stretch.
        begins, ends: ``(S,)``: the tokens that belong to the stretch; every token belongs to exactly one. The tokens
            from ``firsts`` to ``begins`` only warm up a lane.
        known: ``(S,)``: whether the state has been computed.
    """

    def __init__(self, text: RunningText, initial: Any) -> None:
        """``initial``: the state of one lane; its leaves ``(1, …)`` give the shapes."""
        self.text = text
        leaves, self._shape = tree_flatten(initial)
        size = sum(leaf.numel() * leaf.element_size() for leaf in leaves)
        self.length = SHORTEST
        while self.length < LONGEST and len(text) // self.length * size > MEMORY_LIMIT:
            self.length *= 2
        lanes = text.lanes()
        self._lanes, self._count = lanes, -(-int((lanes.ends - lanes.firsts).max()) // self.length)
        firsts = lanes.firsts[:, None] + self.length * np.arange(self._count)  # (B, windows)
        begins = np.maximum(firsts, lanes.begins[:, None])
        ends = np.minimum(firsts + self.length, lanes.ends[:, None])
        within = begins < ends
        self.firsts, self.begins, self.ends = firsts[within], begins[within], ends[within]
        self._number = np.where(within, within.cumsum().reshape(within.shape) - 1, -1)  # (B, windows)
        self.known = np.zeros(len(self.firsts), dtype=np.bool_)
        self._saved = [torch.empty(len(self.firsts), *leaf.shape[1:], dtype=leaf.dtype) for leaf in leaves]

    def __len__(self) -> int:
        return len(self.firsts)

    @torch.no_grad()
    def fill(self, model: nn.Module, before: Callable[[], None] = lambda: None) -> None:
        """Read the whole text once and save the states; ``before`` runs before each window and may raise to stop."""
        lanes, n = self._lanes, len(self.text)
        state: Any = None
        reader: Any = model
        for window in range(self._count):
            before()
            numbers = self._number[:, window]
            here = np.flatnonzero(numbers >= 0)
            if window:
                for saved, leaf in zip(self._saved, tree_flatten(state)[0], strict=True):
                    saved[numbers[here]] = leaf[here].cpu()
            else:
                initial = tree_flatten(reader.initial_state(1))[0]
                for saved, leaf in zip(self._saved, initial, strict=True):
                    saved[numbers[here]] = leaf.cpu().expand(len(here), *leaf.shape[1:])
            self.known[numbers[here]] = True
            places = lanes.firsts + window * self.length + np.arange(self.length)[:, None]  # (T, B)
            places = np.minimum(places, n - 1)
            _, state = reader.read(*self.text.inputs(reader, places, state, window == 0))

    def states(self, numbers: Ids) -> Any:
        """Return the states before the stretches ``numbers (B,)``, all of which must be known."""
        return tree_unflatten([saved[torch.from_numpy(numbers)] for saved in self._saved], self._shape)

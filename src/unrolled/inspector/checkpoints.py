"""The states at some symbols of a running text, from which any stretch of it can be read again at once.

A text is read in the lanes of `passes.RunningText`; where each stretch of a lane begins, the state is kept. So whatever
is read again from there is what one pass over the text would have given.
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

SHORTEST, LONGEST = 64, 1024  # symbols of a stretch: short ones are read sooner, and take more memory
ROOM = 192 << 20  # bytes that the states should fit into


class Checkpoints:
    """Where the stretches of a text are, and the states before them, as far as they are known.

    Attributes:
        firsts: ``(S,)``, ascending: the first symbol of each stretch that is read.
        begins, ends: ``(S,)``: the symbols of it that count, which are each in one stretch; before them are those with
            which a lane warms up.
        known: ``(S,)``: whether the state is there.
    """

    def __init__(self, text: RunningText, initial: Any) -> None:
        """``initial``: a state of one lane, whose leaves ``(1, …)`` tell the shapes."""
        self.text = text
        leaves, self._shape = tree_flatten(initial)
        size = sum(leaf.numel() * leaf.element_size() for leaf in leaves)
        self.length = SHORTEST
        while self.length < LONGEST and len(text) // self.length * size > ROOM:
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
        self._kept = [torch.empty(len(self.firsts), *leaf.shape[1:], dtype=leaf.dtype) for leaf in leaves]

    def __len__(self) -> int:
        return len(self.firsts)

    @torch.no_grad()
    def fill(self, model: nn.Module, before: Callable[[], None] = lambda: None) -> None:
        """Read the whole text once; ``before`` each window is called first, and may raise to end it."""
        lanes, n = self._lanes, len(self.text)
        state: Any = None
        reader: Any = model
        for window in range(self._count):
            before()
            numbers = self._number[:, window]
            here = np.flatnonzero(numbers >= 0)
            if window:
                for kept, leaf in zip(self._kept, tree_flatten(state)[0], strict=True):
                    kept[numbers[here]] = leaf[here].cpu()
            else:
                initial = tree_flatten(reader.initial_state(1))[0]
                for kept, leaf in zip(self._kept, initial, strict=True):
                    kept[numbers[here]] = leaf.cpu().expand(len(here), *leaf.shape[1:])
            self.known[numbers[here]] = True
            places = lanes.firsts + window * self.length + np.arange(self.length)[:, None]  # (T, B)
            places = np.minimum(places, n - 1)
            _, state = reader.read(*self.text.inputs(reader, places, state, window == 0))

    def states(self, numbers: Ids) -> Any:
        """Those before the stretches ``numbers (B,)``, which are known."""
        return tree_unflatten([kept[torch.from_numpy(numbers)] for kept in self._kept], self._shape)

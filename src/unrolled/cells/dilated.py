"""Skip connections across time: a recurrence whose state comes from several steps before.

    (1)  y_t, s_t = cell(x_t, s_{t-d})

With dilation d the way back from step t to step t − k has ⌈k/d⌉ steps instead of k, so gradients have fewer products to
vanish or explode in (El Hihi and Bengio 1996; Chang et al. 2017, section 2). A layer alone is d recurrences that never
meet; they meet in the layers above and below, whose dilations differ: 1, d, d², … (Chang et al. 2017, section 2.2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ..checks import checked
from .base import Cell, Trace, check_size
from .state import State

# B lanes, d dilation


class Dilated(Cell):
    """Any cell with dilation d; see the module for the equation.

    Its state is the cell's own with one dimension more, every leaf ``(B, d, …)``: those of the last d steps, the oldest
    first. A reset gives all d of them the initial state.

    Args:
        cell: the cell.
        dilation: d.
    """

    @checked
    def __init__(self, cell: Cell, dilation: int) -> None:
        super().__init__()
        check_size("dilation", dilation)
        self.cell, self.dilation = cell, dilation
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size

    @property
    def output_size(self) -> int:
        return self.cell.output_size

    def initial_state(self, batch_size: int) -> State:
        d = self.dilation
        flat = self.cell.initial_state(batch_size * d)
        return tree_map(lambda leaf: leaf.reshape(batch_size, d, *leaf.shape[1:]), flat)

    def draw_noise(self, T: int, B: int, generator: torch.Generator | None = None) -> State | None:
        return self.cell.draw_noise(T, B, generator)

    def step(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
        output, after = self.cell.step(x, _oldest(state), noise)  # (1)
        return output, _moved_on(state, after)

    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        output, after, trace = self.cell.step_traced(x, _oldest(state), noise)
        return output, _moved_on(state, after), trace

    def extra_repr(self) -> str:
        return f"dilation={self.dilation}"


def _oldest(state: State) -> State:
    return tree_map(lambda leaf: leaf[:, 0], state)


def _moved_on(state: State, after: State) -> State:
    """The oldest is forgotten, ``after`` is the newest."""
    return tree_map(lambda ring, new: torch.cat([ring[:, 1:], new[:, None]], dim=1), state, after)

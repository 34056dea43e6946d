"""Dilated recurrences: skip connections across time.

    (1)  y_t, s_t = cell(x_t, s_{t-d})

With dilation d, backpropagation from step t to step t − k passes through ⌈k/d⌉ steps instead of k, so gradients vanish
or explode less (El Hihi and Bengio 1996; Chang et al. 2017, section 2). A single layer consists of d independent
recurrences; layers with the dilations 1, d, d², … connect them (Chang et al. 2017, section 2.2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ..checks import checked
from ..errors import ArgumentError
from .arguments import check_size
from .base import Cell, Trace
from .state import State

# B lanes, d dilation


class Dilated(Cell):
    """A cell with dilation d; see the module for the equation.

    The state holds the states of the last d steps, the oldest first: every leaf is ``(B, d, …)``. A reset sets all d
    of them to the initial state.

    Args:
        cell: the inner cell.
        dilation: d.

    Raises:
        ArgumentError: the dilation is below 1.
    """

    @checked
    def __init__(self, cell: Cell, dilation: int) -> None:
        super().__init__()
        check_size("dilation", dilation)
        if cell.space_dims:
            raise ArgumentError(
                "cell", "a cell over vectors", type(cell).__name__, "cells over maps have no dilation in time"
            )
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
        return output, _append(state, after)

    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        output, after, trace = self.cell.step_traced(x, _oldest(state), noise)
        return output, _append(state, after), trace

    def extra_repr(self) -> str:
        return f"dilation={self.dilation}"


def _oldest(state: State) -> State:
    return tree_map(lambda leaf: leaf[:, 0], state)


def _append(state: State, after: State) -> State:
    """Drop the oldest state and append ``after`` as the newest."""
    return tree_map(lambda ring, new: torch.cat([ring[:, 1:], new[:, None]], dim=1), state, after)

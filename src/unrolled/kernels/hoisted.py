"""Run cells over maps by torch's operations, on any device: the convolution of the inputs for all steps at once."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..cells import Cell, ConvolutionalCell, Noise, State, Trace
from ..cells.base import start
from . import reference

# T steps, B lanes, I input_size, G gates, H hidden_size; space: sizes of the inputs' maps, space': of the state's


def run(
    cell: ConvolutionalCell, inputs: Tensor, state: State, *, lengths: Tensor | None, resets: Tensor | None, **rest: Any
) -> tuple[Tensor, State]:
    """Compute what the reference loop does: ``inputs (T, B, I, *space)`` → ``outputs (T, B, H, *space')``, state."""
    if lengths is not None:
        inputs = reference.inside(inputs, lengths)
    initial = start(cell, inputs.size(1), inputs.shape[3:]) if resets is not None else None
    p = preactivations(cell, inputs)
    options: Any = {"initial": initial, "lengths": lengths, "resets": resets, **rest}
    outputs, state, _ = reference.run(Hoisted(cell, p), p, state, **options)
    return outputs, state


def preactivations(cell: ConvolutionalCell, inputs: Tensor) -> Tensor:
    """Return W ∗ x + b of all steps, ``(T, B, G·H, *space')``; in channels-last layout on the CPU."""
    x = inputs.flatten(0, 1)
    if x.device.type == "cpu" and cell.space_dims > 1:
        x = x.movedim(1, -1).contiguous().movedim(-1, 1)  # vmap supports no memory_format
    p = cell.preactivation(x)
    return p.view(*inputs.shape[:2], *p.shape[1:])


class Hoisted(Cell):
    """The cell as a recurrence over ``p`` in place of inputs; see `cells.convolutional`."""

    def __init__(self, cell: ConvolutionalCell, p: Tensor) -> None:
        super().__init__(p.size(2), cell.hidden_size)
        self.recur, self.space_dims = cell.recur, cell.space_dims

    def step(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State]:
        output, state, _ = self.recur(x, state, noise or Noise())
        return output, state

    def step_traced(self, x: Tensor, state: State, noise: State | None = None) -> tuple[Tensor, State, Trace]:
        return self.recur(x, state, noise or Noise())

    def initial_state(self, batch_size: int) -> State:
        raise AssertionError("the loop gets its states from the cell")

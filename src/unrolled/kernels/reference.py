"""The recurrence as it is written: a Python loop over ``cell.step``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ..cells import Cell, State, Trace
from ..cells.state import where

# T steps, B lanes


def run(
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    initial: State = None,
    traced: bool = False,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: State | None,
    reverse: bool,
) -> tuple[Tensor, State, Trace]:
    """See `unrolled.scan`; ``initial`` is what a reset puts in a state's place."""
    T, B = inputs.shape[:2]
    if lengths is not None:  # whatever stands in the padding, be it NaN, must reach neither outputs nor gradients
        inside = torch.arange(T, device=inputs.device)[:, None] < lengths  # (T, B)
        inputs = torch.where(inside[:, :, None], inputs, 0)
    outputs: list[Tensor] = [inputs.new_empty(0)] * T
    traces: list[Trace] = [{}] * T
    for t in reversed(range(T)) if reverse else range(T):
        alive = None if lengths is None else t < lengths  # (B,)
        begins = None if resets is None else resets[t] if alive is None else resets[t] & alive
        if begins is not None and not reverse:
            state = where(begins, initial, state)
        noise_t = _at(noise, t)
        if traced:
            output, after, traces[t] = cell.step_traced(inputs[t], state, noise_t)
        else:
            output, after = cell.step(inputs[t], state, noise_t)
        if alive is not None:
            after = where(alive, after, state)
            output = torch.where(alive[:, None], output, 0)
            traces[t] = {name: torch.where(alive[:, None], gate, 0) for name, gate in traces[t].items()}
        if begins is not None and reverse:
            after = where(begins, initial, after)
        outputs[t], state = output, after
    stacked = torch.stack(outputs) if T else inputs.new_zeros(0, B, cell.output_size)
    trace = {name: torch.stack([trace[name] for trace in traces]) for name in (traces[0] if T else {})}
    return stacked, state, trace


def _at(noise: State | None, t: int) -> State | None:
    """The noise of step t; leaves that are `None` stay so."""
    return tree_map(lambda leaf: None if leaf is None else leaf[t], noise)

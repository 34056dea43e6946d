"""Recurrences as they are written: Python loops over ``cell.step``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ..cells import Cell, State, Trace
from ..cells.attentive import Attentive, AttentiveState, Memory
from ..cells.state import where

# T steps, B lanes; with attention N rows, S source positions, O output_size


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


def attend(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    rows: Tensor | None,
    lengths: Tensor | None,
    noise: State | None,
    traced: bool = False,
) -> tuple[Tensor, Tensor, AttentiveState, Trace]:
    """See `unrolled.attend`; without ``traced`` there is nothing in the trace."""
    h, keys, values, known = memory
    memory = Memory(inside(h, known), inside(keys, known), inside(values, known), known)
    if rows is not None:
        memory = memory.of(rows)
    if lengths is not None:
        inputs = inside(inputs, lengths)
    outputs, weights, traces = [], [], list[Trace]()
    for t, x in enumerate(inputs):
        if traced:
            y, after, a, trace = cell.step_traced(x, state, memory, noise=_at(noise, t))
        else:
            (y, after, a), trace = cell.step(x, state, memory, noise=_at(noise, t)), {}
        if lengths is not None:
            going = t < lengths
            y, a = (torch.where(going[:, None], new, 0.0) for new in (y, a))
            trace = {name: torch.where(going[:, None], gate, 0.0) for name, gate in trace.items()}
            after = where(going, after, state)
        state = after
        outputs.append(y)
        weights.append(a)
        traces.append(trace)
    if not outputs:
        N = inputs.size(1)
        return inputs.new_zeros(0, N, cell.output_size), inputs.new_zeros(0, N, memory.h.size(0)), state, {}
    every = {name: torch.stack([trace[name] for trace in traces]) for name in traces[0]}
    return torch.stack(outputs), torch.stack(weights), state, every


def inside(sequences: Tensor, lengths: Tensor) -> Tensor:
    """``sequences (S, B, ·)`` with zeros past their ends: what stands there, be it NaN, must reach no gradient."""
    real = torch.arange(sequences.size(0), device=sequences.device)[:, None] < lengths  # (S, B)
    return torch.where(real[:, :, None], sequences, 0.0)


def _at(noise: State | None, t: int) -> State | None:
    """The noise of step t; leaves that are `None` stay so."""
    return tree_map(lambda leaf: None if leaf is None else leaf[t], noise)

"""Reference implementation of recurrences: Python loops over ``cell.step``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ..cells import Cell, State, Trace
from ..cells.attentive import Attentive, AttentiveState, Memory
from ..cells.state import where
from ..errors import ArgumentError

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
    """Run the loop, see `unrolled.scan`.

    ``initial`` is the state after a reset. The trace is empty unless ``traced``.
    """
    T, B = inputs.shape[:2]
    if lengths is not None:  # the padding may hold anything, even NaN, and must not affect outputs or gradients
        inputs = inside(inputs, lengths)
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
            output, after = output_and_state(cell, cell.step(inputs[t], state, noise_t))
        if alive is not None:
            after = where(alive, after, state)
            output, traces[t] = _zero_beyond(alive, output), _zero_beyond(alive, traces[t])
        if begins is not None and reverse:
            after = where(begins, initial, after)
        outputs[t], state = output, after
    space = () if T else cell.output_space(inputs.shape[3:])
    stacked = torch.stack(outputs) if T else inputs.new_zeros(0, B, cell.output_size, *space)
    trace = {name: torch.stack([trace[name] for trace in traces]) for name in (traces[0] if T else {})}
    return stacked, state, trace


def output_and_state(cell: Cell, result: Any) -> tuple[Tensor, State]:
    """Return the result of ``cell.step``.

    Raises:
        ArgumentError: it is not a pair.
    """
    if not isinstance(result, tuple | list) or len(result) != 2:
        values = f"{len(result)} values" if isinstance(result, tuple | list) else f"a {type(result).__name__}"
        expected, name = "a cell whose step returns a pair (output, state)", type(cell).__name__
        raise ArgumentError("cell", expected, name, f"{name}.step returns {values}")
    output, state = result
    return output, state


def attend(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    rows: Tensor | None,
    lengths: Tensor | None,
    noise: State | None,
    draws: Tensor | None = None,
    traced: bool = False,
) -> tuple[Tensor, Tensor, AttentiveState, Trace]:
    """Run the loop, see `unrolled.attend`; without ``traced`` the trace is empty."""
    h, keys, values, ends = memory
    memory = Memory(inside(h, ends), inside(keys, ends), inside(values, ends), ends)
    if rows is not None:
        memory = memory.of(rows)
    if lengths is not None:
        inputs = inside(inputs, lengths)
    outputs, weights, traces = [], [], list[Trace]()
    for t, x in enumerate(inputs):
        drawn = {"noise": _at(noise, t), "draw": None if draws is None else draws[t]}
        if traced:
            y, after, a, trace = cell.step_traced(x, state, memory, **drawn)
        else:
            (y, after, a), trace = cell.step(x, state, memory, **drawn), {}
        if lengths is not None:
            alive = t < lengths
            y, a = (torch.where(alive[:, None], new, 0.0) for new in (y, a))
            trace = {name: torch.where(alive[:, None], gate, 0.0) for name, gate in trace.items()}
            after = where(alive, after, state)
        state = after
        outputs.append(y)
        weights.append(a)
        traces.append(trace)
    if not outputs:
        N = inputs.size(1)
        return inputs.new_zeros(0, N, cell.output_size), inputs.new_zeros(0, N, memory.h.size(0)), state, {}
    gates = {name: torch.stack([trace[name] for trace in traces]) for name in traces[0]}
    return torch.stack(outputs), torch.stack(weights), state, gates


def inside(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Set the padding of ``sequences (S, B, …)`` to zero, so that its content, even NaN, reaches no gradient."""
    mask = torch.arange(sequences.size(0), device=sequences.device)[:, None] < lengths  # (S, B)
    return torch.where(mask.view(*mask.shape, *[1] * (sequences.dim() - 2)), sequences, 0.0)


def _zero_beyond(alive: Tensor, values: Any) -> Any:
    """Set the lanes of a pytree of tensors ``(B, …)`` to zero whose sequences have ended."""
    return tree_map(lambda value: torch.where(alive.view(-1, *[1] * (value.dim() - 1)), value, 0), values)


def _at(noise: State | None, t: int) -> State | None:
    """Return the noise of step t; leaves that are `None` stay `None`."""
    return tree_map(lambda leaf: None if leaf is None else leaf[t], noise)

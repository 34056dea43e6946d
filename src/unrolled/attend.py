"""Run a cell with attention over a sequence, as `scan` does for cells without.

    outputs, weights, state = attend(cell, inputs, state, memory)

There are three implementations with equal results. If no step depends on earlier attention (multiplicative attention
without input feeding), the recurrence is a `scan` and attention is computed for all steps at once. Otherwise the loop
is one operator of the kernels if they support the inner cell, else a Python loop over `Attentive.step`.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from .cells import State, Trace
from .cells.attentive import Attentive, AttentiveState, Memory, masked_softmax
from .errors import ArgumentError, BackendError, ShapeError
from .kernels import attention as native
from .kernels import reference, watch
from .kernels.operators import check_range
from .scan import LOOP_TRACED, scan

# T steps, N rows, S source positions, I input_size, O output_size

BACKENDS = ("auto", "reference", "native")


def attend(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    *,
    rows: Tensor | None = None,
    lengths: Tensor | None = None,
    noise: State | None = None,
    draws: Tensor | None = None,
    backend: str = "auto",
) -> tuple[Tensor, Tensor, AttentiveState]:
    """Run ``cell`` over ``inputs``: ``y_t, state_t, a_t = cell.step(x_t, state_{t-1}, memory)``.

    Args:
        cell: the recurrence.
        inputs: ``(T, N, I)``, time first.
        state: the state before the first step, see `Attentive.begin`.
        memory: the encoded source sentences, see `Attentive.remember`.
        rows: ``(N,)`` int64, the sentence of the memory that each row attends to; `None`: row n to sentence n.
        lengths: ``(N,)`` int64 in 0..T, of the inputs. Past the end of a row its outputs and weights are zero, and its
            state is kept.
        noise: the result of the inner cell's ``draw_noise(T, N)``; `None` means evaluation.
        draws: ``(T, N)``, for hard attention: numbers in [0, 1) that decide the positions, see `located`; 1 or more:
            the weighted mean of all positions. `None`: the most likely ones.
        backend: ``auto``, ``reference`` or ``native``.

    Returns:
        ``outputs (T, N, O)``, ``weights (T, N, S)`` and the state after the last step.

    Raises:
        ShapeError: inputs, rows or memory do not fit together.
        BackendError: the kernels were requested and cannot run this; the message says why.
    """
    if cell.runner is not None:
        result: tuple[Tensor, Tensor, AttentiveState] = cell.runner(
            cell, inputs, state, memory, rows=rows, lengths=lengths, noise=noise
        )
        return result
    _check(cell, inputs, state, memory, rows, lengths, draws)
    chosen = choose(cell, inputs, noise, backend)
    if chosen == "reference" or not len(inputs):
        outputs, weights, state, _ = reference.attend(cell, inputs, state, memory, rows, lengths, noise, draws)
    elif not cell.feeds:
        outputs, weights, state = _at_once(cell, inputs, state, memory, rows, lengths, noise)
    else:
        outputs, weights, state = native.run(cell, inputs, state, memory, rows=rows, lengths=lengths, draws=draws)
    return outputs, weights, state


def attend_traced(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    *,
    rows: Tensor | None = None,
    lengths: Tensor | None = None,
    noise: State | None = None,
) -> tuple[Tensor, Tensor, AttentiveState, Trace]:
    """Run `attend` as a loop over `Attentive.step_traced` and also return every gate at every step.

    The gates are a dict of name → ``(T, N, ·)``, zero past the end of a row.
    """
    _check(cell, inputs, state, memory, rows, lengths, None)
    return reference.attend(cell, inputs, state, memory, rows, lengths, noise, None, traced=True)


def choose(cell: Attentive, inputs: Tensor, noise: State | None = None, backend: str = "auto") -> str:
    """Return the backend that `attend` will use: ``native`` or ``reference``.

    Raises:
        ArgumentError: the backend is unknown.
        BackendError: the requested backend cannot run this.
    """
    if backend == "auto":
        requested = os.environ.get("UNROLLED_BACKEND", "auto")
        backend = requested if requested in BACKENDS else "auto"
    if backend not in BACKENDS:
        raise ArgumentError("backend", f"one of {', '.join(BACKENDS)} for attention", backend)
    if watch.traced() and (backend == "reference" or cell.feeds):
        raise BackendError(f"attention cannot be traced: {LOOP_TRACED}; use torch.export")
    if backend == "reference":
        return backend
    reason = unsupported(cell, inputs, noise)
    if reason is None:
        return "native"
    if backend == "auto":
        return "reference"
    raise BackendError(f"backend 'native' cannot run this attention: {reason}; use backend='auto'")


def unsupported(cell: Attentive, inputs: Tensor, noise: State | None = None) -> str | None:
    """Return why this must run as a Python loop; `None` if it need not."""
    return native.unsupported(cell, inputs, noise) if cell.feeds else None


def _check(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    rows: Tensor | None,
    lengths: Tensor | None,
    draws: Tensor | None,
) -> None:
    if draws is not None and (draws.shape != inputs.shape[:2] or not cell.hard):
        expected = "(T, N) like the inputs" if cell.hard else "omitted without hard attention"
        raise ShapeError(f"draws must be {expected}, got {tuple(draws.shape)}")
    if inputs.dim() != 3 or inputs.size(2) != cell.input_size:
        raise ShapeError(f"inputs must be (T, N, {cell.input_size}), got {tuple(inputs.shape)}")
    (T, N), (S, B) = inputs.shape[:2], memory.h.shape[:2]
    if rows is None and memory.lengths.size(0) != N:
        raise ShapeError(
            f"the memory must hold {N} sentences, one for each row, got {memory.lengths.size(0)}; or give rows"
        )
    for name, tensor in (("rows", rows), ("lengths", lengths)):
        if tensor is not None and (tensor.shape != (N,) or tensor.dtype != torch.int64):
            raise ShapeError(f"{name} must be ({N},) int64, got {tuple(tensor.shape)} {tensor.dtype}")
    for leaf in tree_leaves(state):
        if leaf.size(0) != N:
            raise ShapeError(f"every leaf of the state must have {N} rows in dimension 0, got {tuple(leaf.shape)}")
    bounds = (("the memory's lengths", memory.lengths, 1, S), ("rows", rows, 0, B - 1), ("lengths", lengths, 0, T))
    for bound in bounds:
        check_range(*bound)


def _at_once(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    rows: Tensor | None,
    lengths: Tensor | None,
    noise: State | None,
) -> tuple[Tensor, Tensor, AttentiveState]:
    """Compute (5') for all steps, then (2') (3) (4) (6') for all steps."""
    ends = memory.lengths  # the padding may hold anything, even NaN, and 0 · NaN is NaN
    memory = Memory(memory.h, reference.inside(memory.keys, ends), reference.inside(memory.values, ends), ends)
    if rows is not None:
        memory = memory.of(rows)
    s, inner = scan(cell.cell, inputs, state.cell, lengths=lengths, noise=noise)
    e = torch.bmm(s.transpose(0, 1), memory.keys.permute(1, 2, 0))  # (N, T, S)
    a = masked_softmax(e.transpose(0, 1), memory.lengths)  # (T, N, S)
    context = torch.bmm(a.transpose(0, 1), memory.values.transpose(0, 1)).transpose(0, 1)
    u = cell.combine(context, s)
    if lengths is not None:
        u, a = reference.inside(u, lengths), reference.inside(a, lengths)
    return u, a, AttentiveState(inner, state.fed)

"""Capture the gates of a model's recurrent layers at every step, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..attend import attend_traced
from ..cells import Cell, State, Trace, check_size
from ..cells.attentive import Attentive, AttentiveState, Memory
from ..checks import Size, checked
from ..errors import ArgumentError
from ..layers import Stack
from ..scan import scan_traced
from .runner import run_by

Sink = Callable[[str, int, Trace], None]
"""``sink(name, begin, trace)``: name of the recurrence, first step of the chunk, gate → values ``(t, B, ·)``; of cells
over maps ``(t, B, ·, *space)``."""


@checked
@contextmanager
def capture(model: nn.Module, sink: Sink, *, chunk: Size = 256) -> Iterator[list[str]]:
    """Context manager in which every pass through a recurrent layer of ``model`` passes its gates to ``sink``.

        with capture(model, lambda name, begin, trace: print(name, begin, trace["h"].shape)) as names:
            model(inputs)

    Args:
        model: any module; captured are every `Stack` in it (also those of `unrolled.nn`) and every `Attentive` cell,
            whose trace has ``attention (t, N, S)`` and possibly ``u`` in addition to the gates of the inner cell.
        sink: called for each layer and direction in turn with at most ``chunk`` steps, which bounds the memory
            footprint. A backward direction starts with the last chunk.
        chunk: steps per call.

    Yields:
        The names of the recurrences, e.g. ``stack.layers.1.0`` for the forward direction of the second layer, and
        ``attention.cell`` of a translator.

    Raises:
        ArgumentError: ``chunk`` is below 1, or the model has no recurrent layer.
    """
    check_size("chunk", chunk)
    stacks = {
        stack: {cell: name for name, cell in model.named_modules() if cell in set(stack.cells)}
        for stack in model.modules()
        if isinstance(stack, Stack)
    }
    decoders = {cell: f"{name}.cell".lstrip(".") for name, cell in model.named_modules() if isinstance(cell, Attentive)}
    if not stacks and not decoders:
        raise ArgumentError("model", "a module with recurrent layers of unrolled", type(model).__name__)
    with ExitStack() as contexts:
        for stack, names in stacks.items():
            contexts.enter_context(run_by(stack, partial(_run, sink=sink, names=names, chunk=chunk)))
        for cell, name in decoders.items():
            contexts.enter_context(run_by(cell, partial(_run_attentive, sink=sink, name=name, chunk=chunk)))
        yield [*(name for names in stacks.values() for name in names.values()), *decoders.values()]


def _run(
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    sink: Sink,
    names: dict[nn.Module, str],
    chunk: int,
    lengths: Tensor | None = None,
    resets: Tensor | None = None,
    noise: State | None = None,
    reverse: bool = False,
    backend: str = "auto",
) -> tuple[Tensor, State]:
    """Run `scan` in chunks and pass the gates to the sink; only the reference backend computes them."""
    T = inputs.size(0)
    pieces: dict[int, Tensor] = {}
    begins: Any = range(0, T, chunk)
    for begin in reversed(begins) if reverse else begins:
        part = slice(begin, min(begin + chunk, T))
        pieces[begin], state, trace = scan_traced(
            cell,
            inputs[part],
            state,
            lengths=None if lengths is None else (lengths - begin).clamp(0, part.stop - begin),
            resets=None if resets is None else resets[part],
            noise=tree_map(lambda leaf, part=part: None if leaf is None else leaf[part], noise),
            reverse=reverse,
        )
        sink(names[cell], begin, {name: gate.detach() for name, gate in trace.items()})
    if not pieces:
        space = cell.output_space(inputs.shape[3:])
        return torch.zeros(0, inputs.size(1), cell.output_size, *space, device=inputs.device), state
    return torch.cat([pieces[begin] for begin in begins]), state


def _run_attentive(
    cell: Attentive,
    inputs: Tensor,
    state: AttentiveState,
    memory: Memory,
    *,
    sink: Sink,
    name: str,
    chunk: int,
    rows: Tensor | None,
    lengths: Tensor | None,
    noise: State | None,
) -> tuple[Tensor, Tensor, AttentiveState]:
    """Run `attend` in chunks and pass the gates and the attention weights to the sink."""
    outputs, weights = [], []
    for begin in range(0, max(1, len(inputs)), chunk):  # at least once, for the widths of empty outputs
        part = slice(begin, min(begin + chunk, len(inputs)))
        y, a, state, trace = attend_traced(
            cell,
            inputs[part],
            state,
            memory,
            rows=rows,
            lengths=None if lengths is None else (lengths - begin).clamp(0, part.stop - begin),
            noise=tree_map(lambda leaf, part=part: None if leaf is None else leaf[part], noise),
        )
        outputs.append(y)
        weights.append(a)
        if trace:
            sink(name, begin, {gate: values.detach() for gate, values in trace.items()})
    return torch.cat(outputs), torch.cat(weights), state

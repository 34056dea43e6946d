"""Run dilated recurrences with any backend: T steps of B lanes become T/d steps of d·B lanes.

Step t = n·d + j of lane b becomes step n of lane (b, j). Steps that pad the last row, and steps past the end of a
sequence, lie past the end of their lane. A reset at step t becomes a reset of each of the d lanes at its first step
≥ t; if that step lies past the end, the final state is reset.

    ring[i]                                  the state that step T + i will read: that of lane (b, (T + i) mod d)
    hit[t] = any(marks[t-d+1 … t])           whether the state that step t reads is reset
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from ..cells import Noise, State, Trace
from ..cells.dilated import Dilated
from ..errors import ShapeError

# T steps, B lanes, d dilation, N = ⌈T/d⌉

Run = Callable[..., tuple[Any, ...]]
"""`scan` or `scan_traced`."""


def folds(noise: State | None) -> bool:
    """Whether the noise can be folded to d·B lanes: it is `Noise`, with one mask of weights for all steps."""
    if not isinstance(noise, Noise):
        return noise is None
    return noise.weight_hh is None or noise.weight_hh.stride(0) == 0 or len(noise.weight_hh) < 2


def run(
    inner: Run,
    cell: Dilated,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: Noise | None,
    reverse: bool,
    backend: str,
) -> tuple[Tensor, State, Trace]:
    """Run a dilated cell, see `unrolled.scan`; ``inner`` runs the inner cell.

    Raises:
        ShapeError: a leaf of the state does not have shape ``(B, d, …)``.
    """
    d, (T, B) = cell.dilation, inputs.shape[:2]
    for leaf in tree_leaves(state):
        if leaf.dim() < 2 or leaf.size(1) != d:
            raise ShapeError(f"every leaf of the state must be ({B}, {d}, …), got {tuple(leaf.shape)}")
    ends = None if lengths is None else lengths.to(inputs.device)
    marks = None if resets is None else _marks(resets, ends, d, reverse)  # (T + d, B)
    if reverse:
        inputs = _reversed(inputs, ends)
        noise = None if noise is None else Noise(*(_reversed_mask(mask, ends) for mask in noise))
    all_ends = torch.full((B,), T, device=inputs.device) if ends is None else ends
    lane = torch.arange(d, device=inputs.device)
    lane_lengths = (all_ends[:, None] - lane + d - 1).div(d, rounding_mode="floor").clamp(min=0).flatten()  # (B·d,)
    hit = None if marks is None else _hit(marks, d)  # (T + d, B)
    outputs, after, *traced = inner(
        cell.cell,
        _fold(inputs, d),
        tree_map(lambda leaf: leaf.flatten(0, 1), state),
        lengths=None if ends is None and T % d == 0 else lane_lengths,
        resets=None if hit is None else _fold(hit[:T], d),
        noise=None if noise is None else _fold_noise(noise, d, B),
        backend=backend,
    )
    trace = {name: _unfold(gate, d, T) for name, gate in traced[0].items()} if traced else {}
    after = tree_map(lambda leaf: leaf.unflatten(0, (B, d)), after)
    if ends is None:
        ring = tree_map(lambda leaf: leaf.roll(-(T % d), 1), after)
    else:
        ring = tree_map(lambda leaf: _gather(leaf, (ends[:, None] + lane) % d), after)
    if hit is not None:
        pending = hit.t().gather(1, all_ends[:, None] + lane)  # (B, d)
        ring = _where(pending, cell.initial_state(B), ring)
    y = _unfold(outputs, d, T)
    if reverse:
        y, trace = _reversed(y, ends), {name: _reversed(gate, ends) for name, gate in trace.items()}
    return y, ring, trace


def _marks(resets: Tensor, ends: Tensor | None, d: int, reverse: bool) -> Tensor:
    """Return ``(T + d, B)``: whether a document begins before this step, in the order in which the steps run."""
    T, B = resets.shape
    if ends is not None:
        resets = resets & (torch.arange(T, device=resets.device)[:, None] < ends)
    shift = int(reverse)  # in reverse the state is reset after the step, that is before the next
    rows = _reversed(resets, ends) if reverse else resets
    return torch.cat([rows.new_zeros(shift, B), rows, rows.new_zeros(d - shift, B)])


def _hit(marks: Tensor, d: int) -> Tensor:
    count = marks.to(torch.int64).cumsum(0)
    before = torch.cat([count.new_zeros(d, count.size(1)), count[:-d]])
    return count > before


def _reversed(x: Tensor, ends: Tensor | None) -> Tensor:
    """Reverse every sequence of ``x (T, B, …)`` within its length; the padding stays in place."""
    if ends is None:
        return x.flip(0)
    t = torch.arange(x.size(0), device=x.device)[:, None]  # (T, 1)
    index = torch.where(t < ends, ends - 1 - t, t)  # (T, B)
    return x.gather(0, index.view(*index.shape, *[1] * (x.dim() - 2)).expand_as(x))


def _reversed_mask(mask: Tensor | None, ends: Tensor | None) -> Tensor | None:
    """Reverse a mask like `_reversed`; one that is the same at every step is returned as it is."""
    if mask is None or mask.size(0) < 2 or not mask.stride(0):
        return mask
    return _reversed(mask if ends is None else mask.expand(-1, len(ends), -1), ends)


def _fold(x: Tensor, d: int) -> Tensor:
    """Reshape ``(T, B, …)`` to ``(N, B·d, …)``, padded with zeros."""
    T, B, *rest = x.shape
    N = -(-T // d)
    if T % d:
        x = torch.cat([x, x.new_zeros(N * d - T, B, *rest)])
    return x.reshape(N, d, B, *rest).transpose(1, 2).reshape(N, B * d, *rest)


def _unfold(y: Tensor, d: int, T: int) -> Tensor:
    """Invert `_fold`."""
    N, lanes, *rest = y.shape
    return y.reshape(N, lanes // d, d, *rest).transpose(1, 2).reshape(N * d, lanes // d, *rest)[:T]


def _fold_noise(noise: Noise, d: int, B: int) -> Noise:
    def fold(mask: Tensor | None) -> Tensor | None:
        if mask is None:
            return None
        mask = mask.expand(-1, B, -1)
        if mask.stride(0):
            return _fold(mask, d)
        return mask[:1].repeat_interleave(d, 1).expand(-(-mask.size(0) // d), -1, -1)

    recurrent, zoneout_h, zoneout_c = map(fold, noise[:3])
    return Noise(recurrent, zoneout_h, zoneout_c, None if noise.weight_hh is None else noise.weight_hh[::d])


def _gather(leaf: Tensor, index: Tensor) -> Tensor:
    """Gather ``leaf (B, d, …)`` at ``index (B, d)`` along dimension 1."""
    return leaf.gather(1, index.view(*index.shape, *[1] * (leaf.dim() - 2)).expand_as(leaf))


def _where(mask: Tensor, a: State, b: State) -> State:
    """Select ``a`` where ``mask (B, d)`` is true, ``b`` elsewhere."""
    return tree_map(lambda x, y: torch.where(mask.view(*mask.shape, *[1] * (x.dim() - 2)), x, y), a, b)

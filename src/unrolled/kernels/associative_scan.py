"""Parallel recurrences by an associative scan of torch operations, on any device, in ⌈log₂ T⌉ rounds.

    h_t = a_t ∘ h_{t-1} + b_t  =  (a_t a_{t-1}) ∘ h_{t-2} + (a_t b_{t-1} + b_t)  =  …

Every round doubles how far back each step reaches (Hillis and Steele 1986). Only products of numbers between 0 and 1
are formed, so nothing overflows, and there is no division.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..cells import ParallelCell, QRNNState, RNNState, State, Trace
from . import reference

# T steps, B lanes, I input_size, W filter_width, H hidden_size, G gates


def run(
    cell: ParallelCell,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, State]:
    """Compute what the reference loop does: ``inputs (T, B, I)`` → ``outputs (T, B, H)``, state after the last step."""
    if lengths is not None:  # the padding may hold anything, even NaN, and must not affect the weights' gradient
        inputs = reference.inside(inputs, lengths)
    initial = cell.initial_state(inputs.size(1)) if resets is not None else None
    window, last = seen(cell, inputs, state, initial, lengths, resets, reverse)
    p = products(window, cell.weight_ih, cell.bias_ih, reverse).to(state[0].dtype)
    first = None if initial is None else initial[0]
    y, _, h, _ = recur(cell, p, state[0], first, cell.decay(), lengths, resets, reverse)
    return y, after(h, last)


def after(h: Tensor, last: Tensor | None) -> State:
    """Return the state of h and, for the quasi-recurrent layer, the last inputs."""
    return RNNState(h) if last is None else QRNNState(h, last)


def seen(
    cell: ParallelCell,
    inputs: Tensor,
    state: State,
    initial: State | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the inputs that p_t depends on and, for a QRNN, the last W − 1 inputs after the last step.

    The former are the inputs ``(T, B, I)``; or, for a QRNN, preceded by the earlier inputs ``(T + W − 1, B, I)``; or,
    with lengths or resets, the window of every step ``(T, B, W·I)``. `products` accepts each of these.
    """
    if not isinstance(state, QRNNState):
        return inputs, None
    W, (T, B, I) = cell.filter_width, inputs.shape
    before = state.x.view(B, W - 1, I)  # oldest first
    if lengths is None and resets is None:
        earlier = before.transpose(0, 1).to(inputs.dtype)
        extended = torch.cat([inputs, earlier.flip(0)]) if reverse else torch.cat([earlier, inputs])
        last = extended[: W - 1].flip(0) if reverse else extended[T:]
        return extended, last.transpose(0, 1).reshape(B, (W - 1) * I).to(state.x.dtype)
    alive = _alive(inputs, lengths)
    inputs = torch.where(alive[:, :, None], inputs, 0)
    begins = None if resets is None else resets & alive
    slots, rest = [inputs], []
    for j in reversed(range(W - 1)):  # x_{t-1} first, then x_{t-2} …
        start = None if initial is None else initial.x.view(B, W - 1, I)[:, j]
        slot, end = _before(slots[-1], before[:, j], start, alive, begins, reverse)
        slots.append(slot)
        rest.append(end)
    last = torch.cat(rest[::-1], dim=1) if rest else state.x
    return torch.cat(slots[::-1], dim=2), last


def _before(
    values: Tensor, start: Tensor, initial: Tensor | None, alive: Tensor, begins: Tensor | None, reverse: bool
) -> tuple[Tensor, Tensor]:
    """Return the values of the step before each of ``values (T, B, ·)``, and those of the last step ``(B, ·)``."""
    if not len(values):
        return values, start
    if reverse:
        outside = torch.cat([~alive[1:], torch.ones_like(alive[:1])])  # the step before lies past the end
        before = torch.where(outside[:, :, None], start, values.roll(-1, 0))
        last = torch.where(alive[0, :, None], values[0], start)
    else:
        before = torch.cat([start[None], values[:-1]])
        at = (alive.sum(0) - 1).clamp_min(0)[None, :, None].expand(1, *values.shape[1:])
        last = torch.where(alive[0, :, None], values.gather(0, at)[0], start)
    if begins is not None and initial is not None:
        starts = torch.cat([begins[1:], torch.zeros_like(begins[:1])]) if reverse else begins
        before = torch.where(starts[:, :, None], initial, before)
        last = torch.where(begins[0, :, None], initial, last) if reverse else last
    return before, last


def products(window: Tensor, weight: Tensor, bias: Tensor | None, reverse: bool) -> Tensor:
    """Compute (1): ``p (T, B, G·H)`` from the result of `seen`."""
    pieces = slots(window, weight, reverse)
    p = F.linear(*pieces[0], bias)
    for piece in pieces[1:]:
        p = p + F.linear(*piece)
    return p


def slots(window: Tensor, weight: Tensor, reverse: bool) -> list[tuple[Tensor, Tensor]]:
    """Return the pairs of inputs and weights whose products sum to p."""
    I = window.size(2)
    W = weight.size(1) // I if I else 1
    T = window.size(0) - W + 1
    starts = range(W - 1, -1, -1) if reverse else range(W)
    return [(window[at : at + T], weight[:, j * I : (j + 1) * I]) for j, at in enumerate(starts)]


def recur(
    cell: ParallelCell,
    p: Tensor,
    h0: Tensor,
    initial: Tensor | None,
    decay: Tensor | None,
    lengths: Tensor | None,
    resets: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor, Trace]:
    """Compute (2) and (3): outputs and states ``(T, B, H)``, the last state ``(B, H)``, and the gates ``(T, B, H)``."""
    a, b, o, trace = cell.coefficients(p, decay)
    alive = _alive(p, lengths)[:, :, None]
    begins = None if resets is None else resets[:, :, None] & alive
    if lengths is not None:
        a, b = torch.where(alive, a, 1.0), torch.where(alive, b, 0.0)
        trace = {name: torch.where(alive, gate, 0.0) for name, gate in trace.items()}
    if begins is not None and initial is not None:
        starts = torch.cat([begins[1:], torch.zeros_like(begins[:1])]) if reverse else begins
        a, b = torch.where(starts, 0.0, a), torch.where(starts, a * initial + b, b)
    h = _recurrence(a.flip(0), b.flip(0), h0).flip(0) if reverse else _recurrence(a, b, h0)
    last = h0 if not len(h) else h[0] if reverse else h[-1]
    if begins is not None and initial is not None and reverse and len(h):
        last = torch.where(begins[0], initial, last)
    if lengths is not None:
        h = torch.where(alive, h, 0.0)
    y = h if o is None else h * o
    return y if lengths is None else torch.where(alive, y, 0.0), h, last, trace


def _recurrence(a: Tensor, b: Tensor, h0: Tensor) -> Tensor:
    """Compute h_t = a_t ∘ h_{t-1} + b_t for all t, ``(T, B, H)``."""
    if not len(a):
        return b
    h, reach = torch.cat([(a[0] * h0 + b[0])[None], b[1:]]), 1
    while reach < len(a):
        h = torch.cat([h[:reach], h[reach:] + a[reach:] * h[:-reach]])
        a = torch.cat([a[:reach], a[reach:] * a[:-reach]])
        reach *= 2
    return h


def _alive(like: Tensor, lengths: Tensor | None) -> Tensor:
    """Return a mask ``(T, B)``, true before the end of each lane."""
    T, B = like.shape[:2]
    if lengths is None:
        return torch.ones(T, B, dtype=torch.bool, device=like.device)
    return torch.arange(T, device=like.device)[:, None] < lengths

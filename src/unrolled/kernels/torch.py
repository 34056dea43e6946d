"""Run recurrences with torch's fused layers (oneDNN on the CPU, cuDNN on CUDA).

These layers support neither masks nor resets: sequences are split at resets, and lengths are handled by packing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..cells import Cell, GRUCell, GRUState, LSTMCell, LSTMState, Noise, RNNCell, RNNState, State
from ..cells.state import where
from . import watch

# T steps, B lanes, I input_size, O output_size


def unsupported(cell: Cell, noise: State | None) -> str | None:
    """Return why torch's fused layers cannot run this cell; `None` if they can."""
    if type(cell) not in (RNNCell, GRUCell, LSTMCell):
        return f"torch has no fused layer for {type(cell).__name__}"
    assert isinstance(cell, RNNCell | GRUCell | LSTMCell)
    if cell.layer_norm:
        return "torch's layers have no layer norm"
    if cell.zoneout_h or cell.zoneout_c:
        return "torch's layers have no zoneout"
    if isinstance(cell, GRUCell) and not cell.reset_after:
        return "torch's GRU applies the reset gate only after the product"
    if isinstance(cell, LSTMCell) and cell.peepholes:
        return "torch's LSTM has no peepholes"
    if noise is None:
        return None
    if not isinstance(noise, Noise) or noise.recurrent is not None:
        return "torch's layers have no recurrent dropout"
    if noise.zoneout_h is not None or noise.zoneout_c is not None:
        return "torch's layers have no zoneout"
    if noise.weight_hh is not None and noise.weight_hh.size(0) > 1 and noise.weight_hh.stride(0):
        return "torch's layers need one weight mask for all steps"
    return None


def faster_than_kernel(gates: int, T: int, B: int, I: int, H: int, packed: bool) -> bool:
    """Whether torch's layer is faster because a call is so small that the overhead of a kernel dominates (measured).

    Kernels need packed sequences padded; torch takes them as they are.
    """
    weights = gates * H * (I + H)
    work = T * B * weights
    if packed:
        return T < 3 or (T < 30 and work < 6e7)
    if gates == 1:
        return T < 8 or (T < 24 and work < 2e6)
    if gates == 3:
        return T < 3 or (T < 5 and B <= 40) or (T < 8 and work < 2e6)
    return work < 4e6 and weights < 3e5


def run(
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None,
    resets: Tensor | None,
    noise: State | None,
    reverse: bool,
) -> tuple[Tensor, State]:
    """Compute what the reference loop does: ``inputs (T, B, I)`` → ``outputs (T, B, O)``, state after the last step."""
    if reverse:
        order = _reversal(inputs, lengths)
        reversed_resets = None if resets is None else _reverse_resets(resets, lengths)
        outputs, state = run(
            cell, _take(inputs, order), state, lengths=lengths, resets=reversed_resets, noise=noise, reverse=False
        )
        if resets is not None:  # the document that begins at step 0 ran last
            at_start = resets[0] if lengths is None else resets[0] & (lengths > 0)
            state = where(at_start, cell.initial_state(inputs.size(1)), state)
        return _take(outputs, order), state

    weights = _weights(cell, noise)
    if resets is None:
        return _segment(cell, weights, inputs, state, lengths)
    if lengths is not None:  # ignore resets past the end of a lane
        resets = resets & (torch.arange(resets.size(0), device=resets.device)[:, None] < lengths)
    T = inputs.size(0)
    initial = cell.initial_state(inputs.size(1))
    cuts = resets.any(dim=1).nonzero().flatten().tolist()
    pieces = []
    for begin, end in zip(sorted({0, *cuts}), [*(cut for cut in cuts if cut > 0), T], strict=True):
        if cuts and begin in cuts:
            state = where(resets[begin], initial, state)
        rest = None if lengths is None else (lengths - begin).clamp(0, end - begin)
        piece, state = _segment(cell, weights, inputs[begin:end], state, rest)
        pieces.append(piece)
    return (pieces[0] if len(pieces) == 1 else torch.cat(pieces)), state


def _weights(cell: Any, noise: State | None) -> list[Tensor]:
    W_hh = cell.weight_hh if noise is None or noise.weight_hh is None else cell.weight_hh * noise.weight_hh[0]
    weights = [cell.weight_ih, W_hh] + ([cell.bias_ih, cell.bias_hh] if cell.bias else [])
    return [*weights, cell.weight_hr] if getattr(cell, "proj_size", 0) else weights


def _segment(
    cell: Any, weights: list[Tensor], inputs: Tensor, state: State, lengths: Tensor | None
) -> tuple[Tensor, State]:
    """Run a segment without resets."""
    if lengths is None:
        return _fused(cell, weights, (inputs,), state, batch_first=(False,))
    # Packing does not accept empty sequences: run them for one step of zeros and discard the result.
    nonempty = lengths > 0
    inputs = torch.where(nonempty[None, :, None], inputs, 0)
    packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), enforce_sorted=False)
    order, inverse = packed.sorted_indices, packed.unsorted_indices
    assert order is not None
    assert inverse is not None
    before = type(state)(*(leaf[order] for leaf in state))
    data, after = _fused(cell, weights, (packed.data, packed.batch_sizes), before, batch_first=())
    packed = PackedSequence(data, packed.batch_sizes, order, inverse)
    outputs, _ = pad_packed_sequence(packed, total_length=inputs.size(0))
    after = type(state)(*(leaf[inverse] for leaf in after))
    return torch.where(nonempty[None, :, None], outputs, 0), where(nonempty, after, state)


def _fused(
    cell: Any, weights: list[Tensor], data: tuple[Tensor, ...], state: State, batch_first: tuple[bool, ...]
) -> tuple[Tensor, State]:
    """Call torch's functional layer; ``data`` is ``(inputs,)`` or a packed ``(data, batch_sizes)``."""
    # cuDNN saves what backward needs only if `train` is set; nothing else depends on it. torch.jit.trace verifies a
    # trace by a second one without gradients, which must be identical.
    train = cell.training if watch.traced() else torch.is_grad_enabled()
    options = (cell.bias, 1, 0.0, train, False, *batch_first)
    lstm: Any = torch.lstm  # torch's annotations do not allow arguments unpacked from a tuple
    gru: Any = torch.gru
    rnn: Any = torch.rnn_tanh if getattr(cell, "nonlinearity", "tanh") == "tanh" else torch.rnn_relu
    if isinstance(cell, LSTMCell):
        out, h, c = lstm(*data, (state.h.unsqueeze(0), state.c.unsqueeze(0)), weights, *options)
        return out, LSTMState(h.squeeze(0), c.squeeze(0))
    if isinstance(cell, GRUCell):
        out, h = gru(*data, state.h.unsqueeze(0), weights, *options)
        return out, GRUState(h.squeeze(0))
    out, h = rnn(*data, state.h.unsqueeze(0), weights, *options)
    return out, RNNState(h.squeeze(0))


def _reversal(inputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return ``order (T, B)``, the steps of every sequence reversed within its length."""
    T, B = inputs.shape[:2]
    steps = torch.arange(T, device=inputs.device)[:, None].expand(T, B)
    if lengths is None:
        return T - 1 - steps
    return torch.where(steps < lengths, lengths - 1 - steps, steps)


def _take(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(0, order[:, :, None].expand(-1, -1, x.size(2)))


def _reverse_resets(resets: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the resets in reversed time, where a reset *after* a step is one *before* the next step."""
    T, B = resets.shape
    step = torch.arange(T, device=resets.device)[:, None].expand(T, B)
    end = torch.full((B,), T, device=resets.device) if lengths is None else lengths
    source = (end - step).clamp(0, T - 1)
    return resets.gather(0, source) & (step > 0) & (step < end)

"""Stacks of layers with weights packed once, for inference (native/frozen.cpp): one call into compiled code per pass.

A step of a few lanes is bound by reading the weights, and packing them takes longer than many steps. `FrozenStack` is
a packed copy, in one of the precisions of `kernels.packing`, and detects changes of the weights: another parameter or
cell in the same place, another memory address, a higher ``_version``, a step of an optimizer. In int8 the inputs of
each product are quantized too, each row to 255 levels of its largest magnitude; sums and states are not.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from ..cells import Cell, GatedCell, LSTMCell
from ..errors import BackendError, DivergedError
from . import extension
from .generation import PRECISIONS, unsupported
from .packing import CELLS, PAD, Packed, Precision, address, dense, pack, pad

# T steps, B lanes, I input_size, O output_size (of all directions), H hidden_size, L layers × directions, G gates

RNN_VECTORS = 4  # kQuads of native/frozen.h: vectors of units in a panel of a vanilla RNN
BYTES_PER_THREAD = 1 << 17  # of weights, times lanes; with fewer, another thread costs more than it saves

State = tuple[Tensor, ...]
"""The leaves of the state, ``(L, B, H)`` each: h, and an LSTM's c."""


class FrozenStack:
    """A packed copy of the weights of a stack's cells.

    Args:
        rows: the cells of each layer: ``(forward,)`` or ``(forward, backward)``.
        places: where the cells are, each a module's ``_modules`` and a name in it, to detect other cells there.
        residual: add a layer's input to its output from the second layer on.
        precision: precision of the copy.

    Raises:
        BackendError: the kernels do not support these cells, or the weights cannot be watched for changes.
        DivergedError: a weight is infinite or NaN.
    """

    @torch.no_grad()
    def __init__(
        self,
        rows: Sequence[Sequence[Cell]],
        places: Sequence[tuple[Mapping[str, Any], str]],
        residual: bool,
        precision: Precision,
    ) -> None:
        cells = [cell for row in rows for cell in row]
        reason = _unwatchable(cells) or unsupported(cells)
        if reason is not None:
            raise BackendError(f"the layer cannot be frozen: {reason}; use it without freeze()")
        weights = [(cell._parameters, name) for cell in cells for name in cell._parameters]
        tensors = [tensor for owner, name in weights if (tensor := owner[name]) is not None]
        self.watch = extension.compiled.Watch(
            Tensor, [(owner, name, owner[name]) for owner, name in (*places, *weights)], tensors
        )
        if not all(bool(weight.isfinite().all()) for weight in tensors):
            raise DivergedError("the layer's weights are not all finite numbers, so it cannot be frozen")
        instructions = extension.instruction_set()
        lanes = extension.compiled.vector_bytes(instructions) // 4
        packed = [_pack_cell(cell, lanes, precision) for cell in cells if isinstance(cell, GatedCell)]
        self.stepped, self.identities = False, {id(tensor) for tensor in tensors}
        _watch_optimizers()
        _frozen.add(self)
        self.tensors = [
            tensor for _, tensors in packed for tensor in tensors
        ]  # the compiled object has their addresses
        light = sum(tensor.nbytes for tensor in self.tensors) // BYTES_PER_THREAD
        fields = [layer for layer, _ in packed]
        number, directions = PRECISIONS.index(precision), len(rows[0])
        self.compiled = extension.compiled.FrozenStack(instructions, number, fields, directions, residual, light)
        self.width = directions * cells[-1].hidden_size
        self.entries, self.hidden_size = len(cells), cells[-1].hidden_size
        self.has_c = isinstance(cells[0], LSTMCell)
        self.learned = any(getattr(cell, "initial", "zero") == "learned" for cell in cells)

    def state_shape(self, B: int) -> tuple[int, int, int]:
        """Return the shape ``(L, B, H)`` of the leaves of the state."""
        return self.entries, B, self.hidden_size

    def changed(self) -> bool:
        """Whether a weight has changed since; see `freeze` of the layers for what is detected."""
        return self.stepped or bool(self.watch.changed())

    def call(self, x: Tensor, state: State | None, batch_first: bool) -> tuple[Tensor, ...] | None:
        """Run a call of few steps: outputs and leaves of the state, or `None` if `run` must do it.

        It checks arguments and weights itself; the caller has checked that nothing observes the call.
        """
        if self.stepped or (state is None and self.learned):
            return None
        threads = extension.threads()
        results: tuple[Tensor, ...] | None = self.compiled.call(self.watch, Tensor, threads, x, state, batch_first)
        return results

    def run(
        self, x: Tensor, state: State | None, *, batch_first: bool = False, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run all layers over ``x``; the caller has checked types and shapes.

        Args:
            x: ``(T, B, I)``, or ``(B, T, I)`` with ``batch_first``; float32, on the CPU.
            state: the leaves of the state before the first step; `None`: zeros.
            batch_first: the order of the first two dimensions of ``x`` and of the outputs.
            lengths: ``(B,)`` int64; past the end of a sequence outputs are zero and its state stays.

        Returns:
            Outputs ``(T, B, O)``, or ``(B, T, O)``, and the leaves of the state after the last step.
        """
        x_step, x_lane, last = x.stride()
        if last != 1 and x.size(2) > 1:
            x = x.contiguous()
            x_step, x_lane, _ = x.stride()
        T, B, _ = x.shape
        y = x.new_empty(T, B, self.width) if T * B * self.width < 65536 else extension.empty(T, B, self.width, like=x)
        y_step, y_lane = B * self.width, self.width
        if batch_first:
            T, B, x_step, x_lane, y_step, y_lane = B, T, x_lane, x_step, y_lane, y_step
        h = x.new_empty(self.entries, B, self.hidden_size)
        before = [0, 0]
        if state is not None:
            state = tuple(leaf if leaf.is_contiguous() else leaf.contiguous() for leaf in state)
            before = [*(leaf.data_ptr() for leaf in state), 0]
        if lengths is not None:
            lengths = lengths.contiguous()
        c = torch.empty_like(h) if self.has_c else None
        self.compiled.run(
            T, B, extension.threads(), x.data_ptr(), x_step, x_lane, y.data_ptr(), y_step, y_lane,
            before[0], before[1], h.data_ptr(), address(c), address(lengths),
        )  # fmt: skip
        return y, (h,) if c is None else (h, c)


_frozen: weakref.WeakSet[FrozenStack] = weakref.WeakSet()


@cache
def _watch_optimizers() -> None:
    """Learn of every optimizer's steps: torch's fused ones change weights without counting it in ``_version``."""
    register_optimizer_step_post_hook(_after_step)


def _after_step(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    if not _frozen:
        return
    updated = {id(tensor) for group in optimizer.param_groups for tensor in group["params"]}
    for stack in list(_frozen):
        stack.stepped = stack.stepped or not stack.identities.isdisjoint(updated)


def _unwatchable(cells: Sequence[Cell]) -> str | None:
    """Return why later changes of the weights could not be detected; `None` if they can."""
    for cell in cells:
        if any(cell._parameters.get(name) is None for name in ("weight_ih", "weight_hh")):
            return "its weights are computed by a parametrization; remove it first (remove_parametrizations)"
        if any(tensor.is_inference() for tensor in cell.parameters()):
            return "its weights were created under torch.inference_mode(); create the layer outside of it"
    return None


def _pack_cell(cell: GatedCell, lanes: int, precision: Precision) -> tuple[dict[str, Any], list[Tensor]]:
    """Return the fields of `FrozenLayer` in native/frozen.h, and the tensors whose addresses they hold."""
    kind, H, G = CELLS.index(type(cell)), cell.hidden_size, cell.gates
    vectors = RNN_VECTORS if kind == 0 else 1  # of units in a panel
    multiple = max(PAD, vectors * lanes)  # of padded units
    reset_after = getattr(cell, "reset_after", False)

    def panels(rows: Tensor) -> Tensor:
        """Reshape ``(·H, …)`` to ``[panel][gate × vector of units][lane]…``, units padded."""
        parts = pad(rows.unflatten(0, (-1, H)), 1, multiple)
        return parts.unflatten(1, (-1, vectors, lanes)).movedim(1, 0).flatten(1, 2)

    def product(rows: Tensor, depth: int) -> Packed:
        return pack(panels(pad(rows, 1, depth)), precision)

    bias = cell.weight_hh.new_zeros(G * H)
    if cell.bias:
        bias = cell.bias_ih + cell.bias_hh
    if reset_after:  # b_hn and its product are multiplied by r
        of_n = (cell.bias_ih[2 * H :], cell.bias_hh[2 * H :]) if cell.bias else (bias[2 * H :], bias[2 * H :])
        bias = torch.cat([bias[: 2 * H], *of_n])
    before = (2 * H, H) if kind == 1 and not reset_after else (G * H,)  # (3b): n separately
    hh, *hn = (product(rows, multiple) for rows in cell.weight_hh.split(before))
    arrays = {"bias": dense(panels(bias))}
    if isinstance(cell, LSTMCell) and cell.peepholes:
        arrays["peepholes"] = dense(pad(torch.stack([cell.peephole_i, cell.peephole_f, cell.peephole_o]), 1, PAD))
    matrices = {"ih": product(cell.weight_ih, PAD), "hh": hh, **({"hn": hn[0]} if hn else {})}
    fields = {
        "kind": kind,
        "I": cell.input_size,
        "H": H,
        "relu": int(getattr(cell, "nonlinearity", "tanh") == "relu"),
        "reset_after": int(reset_after),
        "zoneout_h": cell.zoneout_h,
        "zoneout_c": cell.zoneout_c,
        **{name: matrix.addresses() for name, matrix in matrices.items()},
        **{name: tensor.data_ptr() for name, tensor in arrays.items()},
    }
    tensors = [*arrays.values(), *(tensor for matrix in matrices.values() for tensor in matrix if tensor is not None)]
    return fields, tensors

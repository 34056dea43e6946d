"""Weights in the order in which native/generate.cpp and native/frozen.cpp read them: `Packed` matrices and layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..cells import GatedCell, GRUCell, LSTMCell, RNNCell, State
from . import extension

# B streams, V tokens in the vocabulary, H hidden_size, G gates, D = H rounded up to PAD

Precision = Literal["float32", "bfloat16", "int8"]
Held = Mapping[str, Mapping[int, float]]
"""Units of a layer's state to hold at values: leaf → unit → value."""

CELLS = (RNNCell, GRUCell, LSTMCell)
PAD = 16  # kPad of native/generation.h: units and depths are multiples of it
TABLE_BYTES = 1 << 26  # largest table of products; beyond, the product is computed at every step


class Packed(NamedTuple):
    """A matrix in the kernel's layout: ``[panel][k][vector][lane][adjacent values]`` (lanes of a SIMD vector)."""

    weights: Tensor
    scales: Tensor | None = None  # int8: [panel][vector][lane], a weight is its integer times this
    offsets: Tensor | None = None  # int8: −128 · the sum of a row's integers

    def addresses(self) -> tuple[int, int, int]:
        """Return the addresses of the tensors; 0 for missing ones."""
        return address(self.weights), address(self.scales), address(self.offsets)


@dataclass(frozen=True)
class FrozenLayer:
    """One layer: sizes and options of its cell as the kernel's fields, and the tensors whose addresses they hold."""

    kind: int
    hidden_size: int
    fields: dict[str, Any]
    tensors: tuple[Tensor | None, ...]

    def state(self, entry: State) -> list[Tensor]:
        """Copy the state of the layer, for the kernel to write into."""
        return [leaf.detach().clone(memory_format=torch.contiguous_format) for leaf in tree_leaves(entry)]


def pack_layer(
    cell: GatedCell,
    inputs: tuple[Tensor | None, int] | None,
    residual: bool,
    lanes: int,
    precision: Precision,
    held: Held,
) -> FrozenLayer:
    """Pack the weights of a cell.

    Args:
        cell: a cell of one of the types `CELLS`.
        inputs: the embedding (or `None`) and V, for the first layer.
        residual: add the layer's input to its output.
        lanes: lanes of a SIMD vector of float32.
        precision: precision of the matrices.
        held: units of the state to hold.
    """
    kind, H, G = CELLS.index(type(cell)), cell.hidden_size, cell.gates
    reset_after = getattr(cell, "reset_after", False)

    def gates(rows: Tensor) -> Tensor:
        """Reshape ``(·H, K)`` to ``[panel][gate][lane][K]``, all padded."""
        parts = pad(pad(rows.unflatten(0, (-1, H)), 1, PAD), 2, PAD)  # (·, D, K)
        return parts.unflatten(1, (-1, lanes)).movedim(0, 1)

    def product(rows: Tensor) -> Packed:
        return pack(gates(rows), precision)

    bias = cell.weight_hh.new_zeros(G * H)
    bias_hn = None
    if cell.bias:
        bias = cell.bias_ih + cell.bias_hh
        if reset_after:  # b_hn and its product are multiplied by r
            bias[2 * H :] = cell.bias_ih[2 * H :]
            bias_hn = cell.bias_hh[2 * H :]
    if reset_after and bias_hn is None:
        bias_hn = bias.new_zeros(H)
    table, depth, ih = bias[None], 0, None
    if inputs is not None:
        embedding, V = inputs
        if embedding is None:
            table = cell.weight_ih.t() + bias  # (V, G·H)
        elif V * G * H * 4 <= TABLE_BYTES:
            table = embedding @ cell.weight_ih.t() + bias
        else:
            depth = -(-cell.input_size // PAD) * PAD
    else:
        depth = -(-cell.input_size // PAD) * PAD
    if depth:
        ih = product(cell.weight_ih)
    table = dense(gates(table.t()).movedim(-1, 0)[: table.size(0)])  # (V or 1, panel, gate, lane)
    split = (2 * H, H) if kind == 1 and not reset_after else (G * H,)  # (3b): n separately
    hh, *hn = (product(rows) for rows in cell.weight_hh.split(split))
    peepholes = None
    if isinstance(cell, LSTMCell) and cell.peepholes:
        peepholes = dense(pad(torch.stack([cell.peephole_i, cell.peephole_f, cell.peephole_o]), 1, PAD))
    if bias_hn is not None:
        bias_hn = dense(pad(bias_hn, 0, PAD))
    kept = {leaf: _held_values(H, values) for leaf, values in held.items()}
    products = {"ih": ih, "hh": hh, "hn": hn[0] if hn else None}
    fields: dict[str, Any] = {
        "kind": kind,
        "H": H,
        "I": depth,
        "relu": int(getattr(cell, "nonlinearity", "tanh") == "relu"),
        "reset_after": int(reset_after),
        "residual": int(residual),
        "zoneout_h": cell.zoneout_h,
        "zoneout_c": cell.zoneout_c,
        "table": address(table),
        "bias_hn": address(bias_hn),
        "peepholes": address(peepholes),
        **{f"hold_{leaf}": address(values) for leaf, values in kept.items()},
        **{name: packed for name, packed in products.items() if packed is not None},
    }
    return FrozenLayer(kind, H, fields, (table, bias_hn, peepholes, *kept.values()))


def _held_values(H: int, values: Mapping[int, float]) -> Tensor:
    """Return the values of held units, NaN for all others, ``(D,)``."""
    padded = torch.full((-(-H // PAD) * PAD,), math.nan)
    padded[list(values)] = torch.tensor(list(values.values()))
    return padded


def pack(rows: Tensor, precision: Precision) -> Packed:
    """Reorder ``[panel][vector][lane][k]`` as the kernel reads it, in the given precision."""
    if precision == "int8":
        largest = rows.abs().amax(-1, keepdim=True)
        scales = torch.where(largest > 0, largest / 127, 1.0)
        integers = (rows / scales).round().clamp(-127, 127)
        offsets = -128 * integers.sum(-1)
        return Packed(_interleave(integers.to(torch.int8), 4), dense(scales[..., 0]), dense(offsets.to(torch.int32)))
    if precision == "bfloat16":
        return Packed(_interleave(rows.bfloat16(), 2))
    return Packed(_interleave(rows, 1))


def _interleave(rows: Tensor, adjacent: int) -> Tensor:
    """Reorder ``[panel][vector][lane][k]`` to ``[panel][k][vector][lane][adjacent values]``."""
    return dense(rows.unflatten(-1, (-1, adjacent)).permute(0, 3, 1, 2, 4))


def dense(tensor: Tensor) -> Tensor:
    """Return a contiguous copy, in huge pages if it is large."""
    return extension.empty(*tensor.shape, like=tensor).copy_(tensor)


def pad(tensor: Tensor, dim: int, multiple: int) -> Tensor:
    """Pad a dimension with zeros at the end, up to a multiple."""
    missing = -tensor.size(dim) % multiple
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[dim] = missing
    return torch.cat([tensor, tensor.new_zeros(shape)], dim)


def address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()

"""Weights packed once, in the order in which compiled code reads them; for generation and frozen layers.

float32     the weights themselves
bfloat16    half the bytes
int8        a quarter of the bytes: 255 levels per row of a matrix
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from . import extension

Precision = Literal["float32", "bfloat16", "int8"]

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
PAD = 16  # kPad of native/generation.h: units and depths are multiples of it


class Packed(NamedTuple):
    """A matrix in the kernel's layout: ``[panel][k][vector][lane][adjacent values]`` (lanes of a SIMD vector)."""

    weights: Tensor
    scales: Tensor | None = None  # int8: [panel][vector][lane], a weight is its integer times this
    offsets: Tensor | None = None  # int8: −128 · the sum of a row's integers

    def addresses(self) -> tuple[int, int, int]:
        """Return the addresses of the tensors; 0 for missing ones."""
        return address(self.weights), address(self.scales), address(self.offsets)


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
    """Return the address of a tensor's first element; 0 for a missing one."""
    return 0 if tensor is None else tensor.data_ptr()

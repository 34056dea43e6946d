"""Helpers of the kernels' operators: checks of tensors, dtypes, and cells without storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BackendError, ShapeError, clause
from . import watch

Shape = tuple[int, ...]
TYPES = (torch.bfloat16, torch.float32, torch.float64)  # that the kernels compute in


def one_hot(ids: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """Return one-hot vectors ``(…, width)``. Unlike torch's function it never reads the values, so vmap can run it."""
    return (ids.unsqueeze(-1) == torch.arange(width, device=ids.device)).to(dtype)


def autocast() -> torch.dtype | None:
    """Return the dtype that autocast currently uses on the CPU; `None` if it is off."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None


def check(
    tensors: Mapping[str, Tensor], dtype: torch.dtype, others: Mapping[str, torch.dtype], shapes: Mapping[str, Shape]
) -> None:
    """Check that every tensor covers the memory that the kernels will read and write.

    Args:
        tensors: the tensors by name.
        dtype: the dtype of all tensors that are not in ``others``.
        others: the other dtypes by name.
        shapes: the expected shapes by name.

    Raises:
        TypeError: a tensor has another dtype or is not on the CPU.
        ShapeError: a tensor has another shape.
    """
    for name, tensor in tensors.items():
        expected = others.get(name, dtype)
        if tensor.dtype != expected or not tensor.is_cpu:
            raise TypeError(f"{name} must be {expected} on the CPU, got {tensor.dtype} on {tensor.device}")
        if tensor.shape != shapes[name]:
            raise ShapeError(f"{name} must be {shapes[name]}, got {tuple(tensor.shape)}")


def check_range(name: str, numbers: Tensor | None, low: int, high: int, reason: str = "") -> None:
    """Raise `ShapeError` unless all numbers lie in ``low..high``; skipped where their values cannot be read."""
    if numbers is None or not numbers.numel() or torch.compiler.is_compiling() or watch.batched(numbers):
        return
    smallest, largest = int(numbers.min()), int(numbers.max())
    if smallest < low or largest > high:
        raise ShapeError(f"{name} must lie in {low}..{high}, got {smallest}..{largest}{clause(reason)}")


def guard() -> None:
    """Raise `BackendError` in forward mode, where tangents would be zero: an exported graph bypasses `scan.choose`."""
    if watch.forward_mode():
        remedy = "call the layer or scan, which choose another backend, or use backend='reference'"
        raise BackendError(f"{watch.FORWARD_MODE}; {remedy}")


def resolve_shapes(shapes: Mapping[str, str], size: Mapping[str, int]) -> dict[str, Shape]:
    """Replace the letters of ``shapes``, such as ``"TBH"``, by the sizes they stand for."""
    return {name: tuple([size[letter] for letter in letters]) for name, letters in shapes.items()}


@contextmanager
def skeleton() -> Iterator[None]:
    """Build modules with meta tensors, without drawing random numbers, even under vmap, which does not allow that."""
    key: Any = torch._C._parse_dispatch_key("VmapMode")
    legacy = torch._C.DispatchKeySet(key)
    with torch._C._DisableFuncTorch(), torch._C._ExcludeDispatchKeyGuard(legacy), torch.device("meta"):
        yield


class Loop(nn.Module):
    """A reference loop over a cell as a module, so that `functional_call` can replace the cell's parameters."""

    def __init__(self, cell: nn.Module, loop: Callable[..., Any]) -> None:
        super().__init__()
        self.cell, self.loop = cell, loop

    def forward(self, *args: Any, **options: Any) -> Any:
        return self.loop(self.cell, *args, **options)

"""What the kernels' operators share besides their derivatives: checks, types, and cells without numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import BackendError, ShapeError
from . import watch

Shape = tuple[int, ...]
TYPES = (torch.bfloat16, torch.float32, torch.float64)  # that the kernels compute in


def one_hot(symbols: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """``(…, width)``: as torch's, which looks at the numbers and so cannot be run under vmap."""
    return (symbols.unsqueeze(-1) == torch.arange(width, device=symbols.device)).to(dtype)


def autocast() -> torch.dtype | None:
    """What torch casts the CPU's products to at the moment; `None`: nothing."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None


def check(
    given: Mapping[str, Tensor], dtype: torch.dtype, others: Mapping[str, torch.dtype], shapes: Mapping[str, Shape]
) -> None:
    """Raise unless every address has as much behind it as the kernels will read and write.

    Args:
        dtype: of all that have none of their own among ``others``.
        shapes: what each must be.

    Raises:
        TypeError: another dtype, or not on the CPU.
        ShapeError: another shape.
    """
    for name, tensor in given.items():
        wanted = others.get(name, dtype)
        if tensor.dtype != wanted or not tensor.is_cpu:
            raise TypeError(f"{name} must be {wanted} on the CPU, got {tensor.dtype} on {tensor.device}")
        if tensor.shape != shapes[name]:
            raise ShapeError(f"{name} must be {shapes[name]}, got {tuple(tensor.shape)}")


def check_range(name: str, numbers: Tensor | None, low: int, high: int) -> None:
    """Raise `ShapeError` unless all numbers lie in ``low..high``, where they can be looked at."""
    if numbers is None or not numbers.numel() or torch.compiler.is_compiling() or watch.batched(numbers):
        return
    least, most = int(numbers.min()), int(numbers.max())
    if least < low or most > high:
        raise ShapeError(f"{name} must lie in {low}..{high}, got {least}..{most}")


def guard() -> None:
    """Raise `BackendError` rather than give tangents of zero: an exported graph calls operators past every choice."""
    if watch.forward_mode():
        remedy = "call the layer or scan, which goes another way, or use backend='reference'"
        raise BackendError(f"{watch.FORWARD_MODE}; {remedy}")


def spelled(shapes: Mapping[str, str], size: Mapping[str, int]) -> dict[str, Shape]:
    """Shapes by the letters of the sizes, in numbers."""
    return {name: tuple([size[letter] for letter in letters]) for name, letters in shapes.items()}


@contextmanager
def skeleton() -> Iterator[None]:
    """Modules built within have no numbers, and draw none: within vmap, too, which refuses to draw random ones."""
    key: Any = torch._C._parse_dispatch_key("VmapMode")
    legacy = torch._C.DispatchKeySet(key)
    with torch._C._DisableFuncTorch(), torch._C._ExcludeDispatchKeyGuard(legacy), torch.device("meta"):
        yield


class Loop(nn.Module):
    """A reference loop over a cell as a module, so that the cell's parameters can be put in from outside."""

    def __init__(self, cell: nn.Module, loop: Callable[..., Any]) -> None:
        super().__init__()
        self.cell, self.loop = cell, loop

    def forward(self, *given: Any, **options: Any) -> Any:
        return self.loop(self.cell, *given, **options)

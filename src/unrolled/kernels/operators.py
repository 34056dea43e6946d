"""What the kernels' operators share: checks, a quick way to call them, vmap, gradients by a cell's own equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ShapeError

Shape = tuple[int, ...]
TYPES = (torch.bfloat16, torch.float32, torch.float64)  # that the kernels compute in


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


def spelled(shapes: Mapping[str, str], size: Mapping[str, int]) -> dict[str, Shape]:
    """Shapes by the letters of the sizes, in numbers."""
    return {name: tuple([size[letter] for letter in letters]) for name, letters in shapes.items()}


def eager(operator: Any, setup: Callable[..., None], backward: Callable[..., Any]) -> Callable[..., Any]:
    """The operator without the dispatcher's detour, which costs a small layer as much as its arithmetic."""

    class Eager(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *args: Any) -> Any:  # with a setup_context of its own, torch would inspect the signature
            output = operator._init_fn(*args)
            setup(ctx, args, output)
            return output

    Eager.backward = staticmethod(backward)  # type: ignore[method-assign]
    return Eager.apply


def register_vmap(operator: Any) -> None:
    """vmap by a loop: each slice is a whole sequence, so there is little to win by merging them into one batch."""

    def one_by_one(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        slices = [
            operator(*(a if dim is None else a.select(dim, i) for a, dim in zip(args, in_dims, strict=True)))
            for i in range(info.batch_size)
        ]
        outputs = tuple(torch.stack(parts) for parts in zip(*slices, strict=True))
        return outputs, tuple(0 for _ in outputs)

    operator.register_vmap(one_by_one)


class Loop(nn.Module):
    """A reference loop over a cell as a module, so that the cell's parameters can be put in from outside."""

    def __init__(self, cell: nn.Module, loop: Callable[..., Any]) -> None:
        super().__init__()
        self.cell, self.loop = cell, loop

    def forward(self, *given: Any, **options: Any) -> Any:
        return self.loop(self.cell, *given, **options)


def leaves(tensors: Sequence[Tensor | None], needed: Sequence[bool], again: bool) -> list[Any]:
    """The tensors, of which the first may be ``needed``: by those `gradients` are asked.

    They are views, so that gradients stop here and yet, in a second pass (``again``), flow on to where these tensors
    came from.
    """
    wanted = [*needed, *[False] * (len(tensors) - len(needed))]
    return [
        t if t is None or not want else t.view_as(t) if again else t.detach().requires_grad_()
        for t, want in zip(tensors, wanted, strict=True)
    ]


def gradients(
    results: Sequence[Tensor | None],
    given: Sequence[Tensor | None],
    some: Sequence[Any],
    needed: Sequence[bool],
    again: bool,
) -> list[Tensor | None]:
    """By those of the `leaves` that are needed, from those by the results that are ``given``."""
    pairs = [(r, d) for r, d in zip(results, given, strict=True) if r is not None and d is not None]
    wanted = [t for t, want in zip(some, needed, strict=False) if want and t is not None]
    found = iter(
        torch.autograd.grad([r for r, _ in pairs], wanted, [d for _, d in pairs], create_graph=again, allow_unused=True)
        if pairs
        else [None] * len(wanted)
    )
    return [next(found) if want and t is not None else None for t, want in zip(some, needed, strict=False)]

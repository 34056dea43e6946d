"""The cell under test, in float64 and evaluation mode, and the data for the checks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from ..cells import Cell, State
from ..cells.base import start
from ..scan import scan
from .report import Failure

SPACE = (4, 3, 2)  # sizes of the maps for cells over maps


@dataclass(frozen=True)
class Subject:
    """A float64 copy of the cell in evaluation mode, the backend that runs it, and the sizes of its input maps."""

    cell: Cell
    backend: str
    space: tuple[int, ...] = ()

    @classmethod
    def of(cls, cell: Cell, backend: str, space: Sequence[int] = ()) -> Subject:
        """Copy the cell to float64 and evaluation mode."""
        space = tuple(space or SPACE[: cell.space_dims])
        return cls(copy.deepcopy(cell).to(torch.float64).eval(), backend, space)

    def inputs(self, T: int, B: int) -> Tensor:
        return torch.randn(T, B, self.cell.input_size, *self.space, dtype=torch.float64)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the output for a single sequence."""
        return (self.cell.output_size, *self.cell.output_space(self.space))

    def initial_state(self, B: int, cell: Cell | None = None) -> State:
        """Return the initial state of the cell, or of a copy of it."""
        return start(cell or self.cell, B, self.space)

    def state(self, B: int) -> State:
        """Return a perturbed initial state; integer leaves, such as counters, are unchanged."""
        return tree_map(_perturb, self.initial_state(B))

    def scan(self, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        return scan(self.cell, inputs, state, **{"backend": self.backend, **options})

    def reference(self, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        return self.scan(inputs, state, **options, backend="reference")


def _perturb(leaf: Tensor) -> Tensor:
    return leaf.detach() + 0.3 * torch.randn_like(leaf) if leaf.is_floating_point() else leaf.clone()


class Scanner(nn.Module):
    """A module that runs ``scan``, for tools that need a ``forward`` method."""

    def __init__(self, subject: Subject, **options: Any) -> None:
        super().__init__()
        self.cell, self.backend, self.options = subject.cell, subject.backend, options

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        return scan(self.cell, inputs, state, **self.options, backend=self.backend)


Function = Callable[..., tuple[Tensor, ...]]


def flat(subject: Subject, T: int, B: int) -> tuple[Function, list[Tensor]]:
    """Return ``scan`` over T steps as a function of float64 tensors (inputs, state, parameters), and these tensors."""
    scanner = Scanner(subject)
    leaves, structure = tree_flatten(subject.state(B))
    real = [i for i, leaf in enumerate(leaves) if leaf.is_floating_point()]
    names = [name for name, _ in scanner.named_parameters()]
    args = [subject.inputs(T, B), *(leaves[i] for i in real), *scanner.parameters()]

    def function(inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        filled = list(leaves)
        for i, leaf in zip(real, rest, strict=False):
            filled[i] = leaf
        weights = dict(zip(names, rest[len(real) :], strict=True))
        return tuple(real_leaves(functional_call(scanner, weights, (inputs, tree_unflatten(filled, structure)))))

    return function, [tensor.detach().clone() for tensor in args]


def require(holds: bool, expected: str, happened: str, remedy: str) -> None:
    """Raise `Failure` unless the condition holds."""
    if not holds:
        raise Failure(expected, happened, remedy)


def require_close(received: Any, expected: Any, message: str, remedy: str, rtol: float = 1e-8) -> None:
    """Raise `Failure` unless two pytrees of tensors agree to ``rtol`` of the largest number in each leaf."""
    received, expected = tree_leaves(received), tree_leaves(expected)
    require(len(received) == len(expected), message, f"{len(received)} tensors instead of {len(expected)}", remedy)
    for a, b in zip(received, expected, strict=True):
        require(a.shape == b.shape, message, f"{tuple(a.shape)} instead of {tuple(b.shape)}", remedy)
        if b.numel():
            difference = float((a.detach().double() - b.detach().double()).abs().max())
            tolerance = rtol * max(1.0, float(b.detach().double().abs().max()))
            require(difference <= tolerance, message, f"they differ by up to {difference:.2g}", remedy)


def real_leaves(tree: Any) -> list[Tensor]:
    """Return the floating-point leaves, which can have a gradient."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def copy_of(tree: Any) -> Any:
    """Copy a pytree of tensors; `None` stays `None`."""
    return tree_map(lambda leaf: None if leaf is None else leaf.clone(), tree)

"""A cell under test and the data the checks feed it: float64, evaluation mode."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from ..cells import Cell, State
from ..scan import scan
from .report import Failure


@dataclass(frozen=True)
class Subject:
    """The cell, a float64 copy in evaluation mode, and the backend that runs it."""

    cell: Cell
    backend: str

    @classmethod
    def of(cls, cell: Cell, backend: str) -> Subject:
        return cls(copy.deepcopy(cell).to(torch.float64).eval(), backend)

    def inputs(self, T: int, B: int) -> Tensor:
        return torch.randn(T, B, self.cell.input_size, dtype=torch.float64)

    def state(self, B: int) -> State:
        """A state that is not the initial one: every real leaf moved a little, counters left alone."""
        initial = self.cell.initial_state(B)
        return tree_map(_moved, initial)

    def scan(self, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        return scan(self.cell, inputs, state, **{"backend": self.backend, **options})

    def reference(self, inputs: Tensor, state: State, **options: Any) -> tuple[Tensor, State]:
        return self.scan(inputs, state, **options, backend="reference")


def _moved(leaf: Tensor) -> Tensor:
    return leaf.detach() + 0.3 * torch.randn_like(leaf) if leaf.is_floating_point() else leaf.clone()


class Scanner(nn.Module):
    """A module that does nothing but run ``scan``, for the tools that want a ``forward``."""

    def __init__(self, subject: Subject, **options: Any) -> None:
        super().__init__()
        self.cell, self.backend, self.options = subject.cell, subject.backend, options

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        return scan(self.cell, inputs, state, **self.options, backend=self.backend)


Function = Callable[..., tuple[Tensor, ...]]


def flat(subject: Subject, T: int, B: int) -> tuple[Function, list[Tensor]]:
    """``scan`` over T steps as a function of a flat list of float64 tensors (inputs, the state, the parameters), and
    that list."""
    scanner = Scanner(subject)
    leaves, form = tree_flatten(subject.state(B))
    real = [i for i, leaf in enumerate(leaves) if leaf.is_floating_point()]
    names = [name for name, _ in scanner.named_parameters()]
    given = [subject.inputs(T, B), *(leaves[i] for i in real), *scanner.parameters()]

    def function(inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        filled = list(leaves)
        for i, leaf in zip(real, rest, strict=False):
            filled[i] = leaf
        weights = dict(zip(names, rest[len(real) :], strict=True))
        return tuple(real_leaves(functional_call(scanner, weights, (inputs, tree_unflatten(filled, form)))))

    return function, [tensor.detach().clone() for tensor in given]


def require(holds: bool, expected: str, happened: str, remedy: str) -> None:
    """Raise `Failure` unless the condition holds."""
    if not holds:
        raise Failure(expected, happened, remedy)


def require_close(got: Any, wanted: Any, expected: str, remedy: str, rtol: float = 1e-8) -> None:
    """Raise `Failure` unless two pytrees of tensors agree to ``rtol`` of the largest number in each leaf."""
    got, wanted = tree_leaves(got), tree_leaves(wanted)
    require(len(got) == len(wanted), expected, f"{len(got)} tensors instead of {len(wanted)}", remedy)
    for a, b in zip(got, wanted, strict=True):
        require(a.shape == b.shape, expected, f"{tuple(a.shape)} instead of {tuple(b.shape)}", remedy)
        if b.numel():
            gap = float((a.detach().double() - b.detach().double()).abs().max())
            room = rtol * max(1.0, float(b.detach().double().abs().max()))
            require(gap <= room, expected, f"they differ by up to {gap:.2g}", remedy)


def real_leaves(tree: Any) -> list[Tensor]:
    """The leaves that can have a gradient."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def copy_of(tree: Any) -> Any:
    """A deep copy of a pytree of tensors; `None` stays."""
    return tree_map(lambda leaf: None if leaf is None else leaf.clone(), tree)

"""Access to recurrent layers, cells and units of a model by index."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import nn

from ..cells import BuiltinCell, Cell
from ..cells.state import named_leaves
from ..checks import plain
from ..errors import ArgumentError
from ..layers import Stack

LARGEST = 1e6  # maximum absolute value of a held unit; products of much larger values with weights overflow

Unit = tuple[int, int, int]
"""``(layer, direction, unit)``, counted from 0; direction 0 is forward, 1 is backward."""


def stack_of(model: nn.Module, name: str | None = None) -> Stack:
    """Return the recurrent layers of a model.

    Args:
        model: any module that contains a `Stack`.
        name: name of the stack as in ``named_modules``; needed if there are several.

    Raises:
        ArgumentError: the model has no stack, none with this name, or several stacks and no name is given.
    """
    stacks = {path: module for path, module in model.named_modules() if isinstance(module, Stack)}
    if not stacks:
        raise ArgumentError("model", "a module with recurrent layers of unrolled", type(model).__name__)
    if name is None and len(stacks) == 1:
        return next(iter(stacks.values()))
    if name is None or name not in stacks:
        raise ArgumentError("stack", f"one of {', '.join(map(repr, stacks))}", name)
    return stacks[name]


def cell_at(stack: Stack, layer: int, direction: int = 0) -> Cell:
    """Return the cell of a layer and direction; raise `ArgumentError` if it does not exist."""
    for name, value, count in (("layer", layer, stack.num_layers), ("direction", direction, stack.num_directions)):
        if not 0 <= value < count:
            raise ArgumentError(name, f"from 0 to {count - 1}", value, f"the model has {count} of them")
    return list(stack.cells)[layer * stack.num_directions + direction]


def check_leaf(cell: Cell, leaf: str) -> None:
    """Raise `ArgumentError` unless the state of the cell has this leaf."""
    leaves = leaves_of(cell)
    if not leaves:
        raise ArgumentError("cell", "one whose state is a named tuple of tensors", type(cell).__name__)
    if leaf not in leaves:
        raise ArgumentError("leaf", f"one of {', '.join(leaves)}, the state of {type(cell).__name__}", leaf)


def leaves_of(cell: Cell) -> tuple[str, ...]:
    """Return the names of the leaves of a state: ``("h",)``, or ``("h", "c")`` of an LSTM."""
    return tuple(named_leaves(cell.initial_state(1)))


def width_of(cell: Cell, leaf: str) -> int:
    """Return the number of units of a leaf."""
    check_leaf(cell, leaf)
    return (
        cell.leaf_width(leaf) if isinstance(cell, BuiltinCell) else named_leaves(cell.initial_state(1))[leaf].size(-1)
    )


def by_cell(stack: Stack, units: Mapping[Unit, float], leaf: str) -> dict[Cell, dict[int, float]]:
    """Group units by cell: cell → unit → value.

    Raises:
        ArgumentError: a unit does not exist, or a value is not finite or exceeds `LARGEST`.
    """
    groups: dict[Cell, dict[int, float]] = {}
    for key, value in units.items():
        if not (isinstance(key, tuple) and len(key) == 3):
            raise ArgumentError("units", "keys (layer, direction, unit)", key)
        layer, direction, unit = key
        cell = cell_at(stack, layer, direction)
        if not 0 <= unit < (width := width_of(cell, leaf)):
            raise ArgumentError("unit", f"from 0 to {width - 1} in layer {layer}", unit)
        value = plain(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ArgumentError("units", "finite values", value)
        if abs(value) > LARGEST:
            raise ArgumentError("units", f"values with an absolute value of at most {LARGEST:g}", value)
        groups.setdefault(cell, {})[unit] = float(value)
    return groups

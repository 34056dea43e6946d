"""Which unit of which recurrent layer is meant."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import nn

from ..cells import BuiltinCell, Cell
from ..checks import plain
from ..errors import ArgumentError
from ..layers import Stack

LARGEST = 1e6  # at which a unit is held: far larger ones times weights are no numbers any more

Unit = tuple[int, int, int]
"""``(layer, direction, unit)``, all from 0; direction 0 is forward, 1 backward."""


def stack_of(model: nn.Module, name: str | None = None) -> Stack:
    """The model's recurrent layers.

    Args:
        model: any module with a `Stack` in it.
        name: of the stack, as in ``named_modules``; needed only where there are several.

    Raises:
        ArgumentError: there is none, none of that name, or several and no name.
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
    """The cell of one layer and direction; `ArgumentError` if there is none."""
    for name, value, count in (("layer", layer, stack.num_layers), ("direction", direction, stack.num_directions)):
        if not 0 <= value < count:
            raise ArgumentError(name, f"from 0 to {count - 1}", value, f"the model has {count} of them")
    return list(stack.cells)[layer * stack.num_directions + direction]


def check_leaf(cell: Cell, leaf: str) -> None:
    """Raise `ArgumentError` unless the cell's state has a leaf of that name."""
    leaves = getattr(cell.initial_state(1), "_fields", ())
    if leaf not in leaves:
        raise ArgumentError("leaf", f"one of {', '.join(leaves)}, which {type(cell).__name__} has", leaf)


def width_of(cell: Cell, leaf: str) -> int:
    """How many units the leaf has."""
    check_leaf(cell, leaf)
    return cell.leaf_width(leaf) if isinstance(cell, BuiltinCell) else getattr(cell.initial_state(1), leaf).size(-1)


def by_cell(stack: Stack, units: Mapping[Unit, float], leaf: str) -> dict[Cell, dict[int, float]]:
    """The units, sorted by the cell they belong to.

    Raises:
        ArgumentError: there is no such unit, or a value is not finite or beyond `LARGEST`.
    """
    found: dict[Cell, dict[int, float]] = {}
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
            raise ArgumentError("units", f"values of at most {LARGEST:g} either way", value)
        found.setdefault(cell, {})[unit] = float(value)
    return found

"""Units of a recurrent state by the names under which the cell search lists them.

layer 1 h[58]           unit 58 of h of the first layer: layers count from 1, units from 0
layer 2 ← c[41]         of the direction that reads backwards
layer 1 c[106]=2        held at a value
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from torch import nn

from ..cells import Cell
from ..checks import checked
from ..errors import ArgumentError
from ..layers import Stack
from .clamp import clamp
from .units import LARGEST, Unit, stack_of, width_of

FORM = re.compile(r"\s*layer\s+(\d{1,9})\s*(←|<-)?\s*([A-Za-z]\w*)\[(\d{1,9})\]\s*[−-]?\s*")  # the search adds a sign
EXAMPLE = "layer 1 h[58]"


class NamedUnit(NamedTuple):
    """A unit; layer, direction and unit from 0."""

    layer: int
    direction: int
    unit: int
    leaf: str

    def __str__(self) -> str:
        return f"layer {self.layer + 1}{' ←' if self.direction else ''} {self.leaf}[{self.unit}]"

    @property
    def key(self) -> Unit:
        """As `clamp` takes it."""
        return self.layer, self.direction, self.unit


@checked
def unit_named(said: str, model: nn.Module, option: str = "unit") -> NamedUnit:
    """The unit of a model's recurrent state that has this name.

    Args:
        said: its name.
        model: any module with recurrent layers.
        option: what the name was given for, for messages.

    Raises:
        ArgumentError: that is no name, or the model has no such unit; the message says which it has.
    """
    found = FORM.fullmatch(said)
    if found is None:
        raise ArgumentError(option, f"a unit as unrolled inspect names it, such as {EXAMPLE!r}", said)
    one = NamedUnit(int(found[1]) - 1, 1 if found[2] else 0, int(found[4]), found[3])
    stack = stack_of(model)
    if not 0 <= one.layer < stack.num_layers:
        layers = "layer 1" if stack.num_layers == 1 else f"layer 1 to {stack.num_layers}"
        raise ArgumentError(option, f"of {layers}; the model has no other", said)
    if one.direction >= stack.num_directions:
        raise ArgumentError(option, "without an arrow: the model reads forwards only", said)
    cell = list(stack.cells)[one.layer * stack.num_directions + one.direction]
    leaves = leaves_of(cell)
    if one.leaf not in leaves:
        expected = f"of {' or '.join(leaves)}, the state of the model's {type(cell).__name__}"
        raise ArgumentError(option, expected, said, "gates follow from the state; they cannot be held")
    if one.unit >= (width := width_of(cell, one.leaf)):
        raise ArgumentError(option, f"from {one.leaf}[0] to {one.leaf}[{width - 1}] in layer {one.layer + 1}", said)
    return one


@checked
def clamps_named(said: Mapping[str, float] | tuple[str, ...], model: nn.Module) -> dict[NamedUnit, float]:
    """Units of a model and the values at which they are to be held.

    Args:
        said: names and values, or texts of the form ``layer 1 c[106]=2``.
        model: any module with recurrent layers.

    Raises:
        ArgumentError: no such unit, no such number, or the same unit twice.
    """
    pairs = list(said.items()) if isinstance(said, Mapping) else [_apart(text) for text in said]
    found: dict[NamedUnit, float] = {}
    for name, value in pairs:
        unit = unit_named(name, model, "clamp")
        if unit in found:
            raise ArgumentError("clamp", "given once for each unit", name)
        found[unit] = value
    return found


@checked
@contextmanager
def hold(model: nn.Module, units: Mapping[str, float] | tuple[str, ...]) -> Iterator[dict[NamedUnit, float]]:
    """As `clamp`, with units by their names.

        with hold(handle.model, {"layer 1 c[106]": 2.0, "layer 2 h[3]": 0.0}):
            handle.generate("ROMEO:")

    Raises:
        ArgumentError: no such unit, a value that is no number, or the same unit twice.
    """
    if units and not any(isinstance(module, Stack) for module in model.modules()):
        raise ArgumentError("clamp", "left out for a model without recurrent layers", type(model).__name__)
    named = clamps_named(units, model)
    with ExitStack() as held:
        for leaf in dict.fromkeys(unit.leaf for unit in named):
            held.enter_context(clamp(model, {u.key: v for u, v in named.items() if u.leaf == leaf}, leaf=leaf))
        yield named


def leaves_of(cell: Cell) -> tuple[str, ...]:
    """The names of a state's parts: ``("h",)``, or an LSTM's ``("h", "c")``."""
    return getattr(cell.initial_state(1), "_fields", ())


def _apart(said: str) -> tuple[str, float]:
    """``layer 1 c[106]=2`` → the name and 2.0."""
    name, equals, value = said.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not equals or not math.isfinite(number):
        raise ArgumentError("clamp", "UNIT=NUMBER, such as 'layer 1 c[106]=2'", said)
    if abs(number) > LARGEST:
        raise ArgumentError("clamp", f"UNIT=NUMBER, a number of at most {LARGEST:g} either way", said)
    return name, number

"""Names of the units of a recurrent state, as in ``unrolled inspect``.

layer 1 h[58]           unit 58 of h of the first layer; layers count from 1, units from 0
layer 2 ← c[41]         of the backward direction of the second layer
h[58], 58               in a network of one layer and direction: a unit of its only layer, of h
layer 1 c[106]=2        held at a value
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from torch import nn

from ..checks import checked
from ..errors import ArgumentError
from ..layers import Stack
from .clamp import clamp
from .units import LARGEST, Unit, leaves_of, stack_of, width_of

FORM = re.compile(  # a sign may follow
    r"\s*(?:layer\s+(\d{1,9})(?:\s*(←|<-)\s*|\s+|(?=[A-Za-z])))?(?:([A-Za-z]\w*)\[(\d{1,9})\]|(\d{1,9}))\s*[−-]?\s*"
)
EXAMPLE = "layer 1 h[58]"


class NamedUnit(NamedTuple):
    """A unit of a recurrent state; layer, direction and unit count from 0."""

    layer: int
    direction: int
    unit: int
    leaf: str

    def __str__(self) -> str:
        return f"layer {self.layer + 1}{' ←' if self.direction else ''} {self.leaf}[{self.unit}]"

    @property
    def key(self) -> Unit:
        """The key of the unit for `clamp`."""
        return self.layer, self.direction, self.unit


@checked
def unit_named(name: str, model: nn.Module, option: str = "unit") -> NamedUnit:
    """Return the unit of a model's recurrent state with this name.

    Args:
        name: e.g. ``layer 1 h[58]``; ``h[58]`` or ``58`` if there is one layer and direction.
        model: any module with recurrent layers.
        option: the option of the name, for error messages.

    Raises:
        ArgumentError: the name is invalid, or the model has no such unit.
    """
    match = FORM.fullmatch(name)
    if match is None:
        remedy = "h[58], or 58 for h, will do if the model has one layer"
        raise ArgumentError(option, f"a unit name such as {EXAMPLE!r} or 'layer 2 ← c[58]'", name, remedy)
    unit = NamedUnit(int(match[1] or 1) - 1, 1 if match[2] else 0, int(match[4] or match[5]), match[3] or "h")
    stack = stack_of(model)
    if match[1] is None and stack.num_layers * stack.num_directions > 1:
        layers = f"{stack.num_layers} layer{'s' if stack.num_layers > 1 else ''}"
        ways = " in two directions" if stack.num_directions > 1 else ""
        raise ArgumentError(option, f"with its layer, as in '{unit}' (the model has {layers}{ways})", name)
    if not 0 <= unit.layer < stack.num_layers:
        layers = "layer 1" if stack.num_layers == 1 else f"layer 1 to {stack.num_layers}"
        raise ArgumentError(option, f"a unit of {layers}; the model has no other", name)
    if unit.direction >= stack.num_directions:
        raise ArgumentError(option, "without an arrow: the model is unidirectional", name)
    cell = list(stack.cells)[unit.layer * stack.num_directions + unit.direction]
    leaves = leaves_of(cell)
    if not leaves:
        raise ArgumentError(option, "omitted: the state of this cell has no named units", name)
    if unit.leaf not in leaves:
        expected = f"a unit of {' or '.join(leaves)}, the state of the model's {type(cell).__name__}"
        raise ArgumentError(option, expected, name, "gates are computed from the state and cannot be held")
    if unit.unit >= (width := width_of(cell, unit.leaf)):
        raise ArgumentError(option, f"from {unit.leaf}[0] to {unit.leaf}[{width - 1}] in layer {unit.layer + 1}", name)
    return unit


@checked
def clamps_named(clamps: Mapping[str, float] | tuple[str, ...], model: nn.Module) -> dict[NamedUnit, float]:
    """Return the units to hold and their values.

    Args:
        clamps: values by unit name, or strings such as ``layer 1 c[106]=2``.
        model: any module with recurrent layers.

    Raises:
        ArgumentError: the model has no such unit, a value is not a number, or a unit occurs twice.
    """
    pairs = list(clamps.items()) if isinstance(clamps, Mapping) else [_parse_clamp(text) for text in clamps]
    values: dict[NamedUnit, float] = {}
    for name, value in pairs:
        unit = unit_named(name, model, "clamp")
        if unit in values:
            raise ArgumentError("clamp", "given once for each unit", name)
        values[unit] = value
    return values


@checked
@contextmanager
def hold(model: nn.Module, units: Mapping[str, float] | tuple[str, ...]) -> Iterator[dict[NamedUnit, float]]:
    """Context manager like `clamp`, with units by name.

        with hold(handle.model, {"layer 1 c[106]": 2.0, "layer 2 h[3]": 0.0}):
            handle.generate("ROMEO:")

    Raises:
        ArgumentError: the model has no such unit, a value is not a number, or a unit occurs twice.
    """
    if units and not any(isinstance(module, Stack) for module in model.modules()):
        raise ArgumentError("clamp", "omitted for a model without recurrent layers", type(model).__name__)
    named = clamps_named(units, model)
    with ExitStack() as contexts:
        for leaf in dict.fromkeys(unit.leaf for unit in named):
            contexts.enter_context(clamp(model, {u.key: v for u, v in named.items() if u.leaf == leaf}, leaf=leaf))
        yield named


def _parse_clamp(text: str) -> tuple[str, float]:
    """Parse ``layer 1 c[106]=2`` into the name and 2.0."""
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not equals or not math.isfinite(number):
        raise ArgumentError("clamp", "UNIT=NUMBER, such as 'layer 1 c[106]=2'", text)
    if abs(number) > LARGEST:
        raise ArgumentError("clamp", f"UNIT=NUMBER with an absolute value of at most {LARGEST:g}", text)
    return name, number

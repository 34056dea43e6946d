"""Units chosen by name: which of a network's units are meant, and which hypotheses each encodes.

layer 1 h[157]      one unit; `←` marks the backward direction
c[157]              unit 157 of c, in every layer and direction
157                 unit 157 of h, in every layer and direction
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..analysis.unit_names import FORM
from ..errors import ArgumentError
from .findings import Unit
from .traces import Plane

EXAMPLE = "157, c[157] or 'layer 1 h[157]'"


def units_named(names: Sequence[str], planes: Mapping[Plane, int], most: int) -> list[Unit]:
    """Return the units with these names, without repetitions.

    Args:
        names: such as ``157``, ``c[157]`` or ``layer 1 h[157]``.
        planes: the gates of each recurrence, with their number of units, see `traces.Traces`.
        most: the most units.

    Raises:
        ArgumentError: a name is invalid, the network has no such unit, or there are too many.
    """
    units = list(dict.fromkeys(unit for name in names for unit in _named(name, planes)))
    if len(units) > most:
        remedy = "name a layer, as in 'layer 1 h[157]'"
        raise ArgumentError("units", f"at most {most} units of all layers", len(units), remedy)
    return units


def _named(name: str, planes: Mapping[Plane, int]) -> list[Unit]:
    match = FORM.fullmatch(name)
    if match is None:
        raise ArgumentError("units", f"a unit such as {EXAMPLE}", name)
    layer, backward, gate, index = match[1], bool(match[2]), match[3] or "h", int(match[4] or match[5])
    of_gate = {plane: width for plane, width in planes.items() if plane[1] == gate}
    if not of_gate:
        gates = ", ".join(dict.fromkeys(gate for _, gate in planes))
        raise ArgumentError("units", f"of a gate or state of the network ({gates})", name)
    there = [Unit(recurrence, gate, index) for recurrence, _ in of_gate]
    if layer is not None:
        there = [unit for unit in there if unit.place == (int(layer), backward)]
        if not there:
            layers = max(Unit(recurrence, gate, 0).place[0] for recurrence, _ in of_gate)
            expected = "of layer 1, the only one" if layers == 1 else f"of layer 1 to {layers}"
            raise ArgumentError("units", expected + " (← only if bidirectional)", name)
    there = [unit for unit in there if index < of_gate[unit.recurrence, gate]]
    if not there:
        raise ArgumentError("units", f"from {gate}[0] to {gate}[{max(of_gate.values()) - 1}]", name)
    return there

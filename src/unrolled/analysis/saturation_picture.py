"""A scatter plot of saturated gates, as figure 2 of Karpathy, Johnson and Fei-Fei 2015."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..results.palette import style
from .picture import check_picture, entitle, save_picture
from .saturation import Saturation, by_gate

TITLES = {"i": "input gate", "f": "forget gate", "o": "output gate", "r": "reset gate", "z": "update gate"}


def saturation_picture(path: Path, result: Saturation, title: str = "") -> None:
    """Write the plot: an axis per gate, a mark per unit, with a colour and a shape per layer and direction.

    The axes are the fractions of steps at which a unit is right-saturated (x) and left-saturated (y).

    Args:
        path: ends in .png, .svg or .pdf.
        result: result of `saturation`.
        title: title of the figure.

    Raises:
        ArgumentError: the path is not suitable for a picture.
        SaveError: the file cannot be written.
    """
    check_picture(path)
    from matplotlib.figure import Figure  # without pyplot, which keeps global figures
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    groups = by_gate(result)
    recurrences = list(dict.fromkeys(gate.recurrence for gate in result.gates))
    figure = Figure(figsize=(3.2 * len(groups) + 0.4, 4.3), layout=ConstrainedLayoutEngine(h_pad=0.1))
    axes = figure.subplots(1, len(groups), squeeze=False, sharex=True, sharey=True)[0]
    for axis, (name, gates) in zip(axes, groups.items(), strict=True):
        axis.plot([0, 1], [1, 0], color="#bbbbbb", linewidth=0.8, zorder=0)  # upper bound
        for gate in gates:
            axis.scatter(gate.right, gate.left, alpha=0.7, **_marks(recurrences.index(gate.recurrence)))
        axis.set_title(TITLES.get(name, name), fontsize=10)
        axis.set_xlabel(f"fraction of steps right-saturated (> {result.high:g})", fontsize=9)
        axis.set_xlim(-0.03, 1.03)
        axis.set_ylim(-0.03, 1.03)
        axis.set_aspect("equal")
        axis.tick_params(labelsize=8)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].set_ylabel(f"fraction of steps left-saturated (< {result.low:g})", fontsize=9)
    for number, name in enumerate(recurrences):
        axes[-1].scatter([], [], label=named(name), **_marks(number))
    figure.legend(loc="outside lower center", ncols=min(6, len(recurrences)), frameon=False, fontsize=9)
    entitle(figure, title)
    save_picture(figure, path)


def _marks(number: int) -> dict[str, Any]:
    curve = style(number)
    return {"s": 26, "marker": curve.marker, "facecolors": "none", "edgecolors": curve.colour, "linewidths": 1}


def named(recurrence: str) -> str:
    """Return the label of a recurrence: ``stack.layers.1.1`` → ``layer 2 backward``."""
    *_, layer, direction = recurrence.split(".")
    return f"layer {int(layer) + 1}" + (" backward" if direction == "1" else "")

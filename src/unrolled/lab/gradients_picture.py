"""Plot gradients over distance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.picture import LABEL, entitle, label_lines, open_frame, save_picture, shown, spread
from ..results.palette import GREY, PALE, darker, style
from .gradients import CHANGE, Array, Flow, Measurement

LOWEST, HIGHEST = 1e-36, 1e18  # range of the plot
BACK = "k, steps back"
MARKERS = 9  # along a curve
DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))


def draw_networks(results: Sequence[Measurement], path: Path) -> None:
    """Save a picture with a panel for each group: the largest singular value, ρ^k and the bound over distance.

    Args:
        results: the measurements; each kind of cell has one colour and dash pattern in all panels.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot's global state

    groups: dict[str, list[Measurement]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    families = list(dict.fromkeys(_family(result) for result in results))
    figure = Figure(figsize=(max(7.0, 5.0 * len(groups)), 5.2), layout="constrained")
    axes: Any = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    for axis, (title, members) in zip(axes, groups.items(), strict=True):
        for result in members:
            curve = style(families.index(_family(result))).line
            for flow in result.flows:
                axis.plot(_shown(flow.followed), linewidth=1.8, **curve)
            if _alone(members):  # with several kinds there would be too many lines
                _predictions(axis, result)
        axis.set_title(title, fontsize=11)
    for axis, members in zip(axes, groups.values(), strict=True):  # after all curves, which share the limits
        _logarithmic(axis)
        _shade(axis)
        _label(axis, members, families)
    axes[0].set_ylabel(r"largest singular value of $\partial h_T/\partial h_{T-k}$")
    save_picture(figure, path, 110)


def _family(result: Measurement) -> str:
    """Return the cell or activation function of a kind, such as tanh of "tanh, orthogonal"."""
    return result.kind.partition(",")[0]


def _alone(members: Sequence[Measurement]) -> bool:
    return len({result.kind for result in members}) == 1


def _predictions(axis: Any, result: Measurement) -> None:
    """Plot the spectrum's prediction for the first layer, and the bound."""
    for values, dash in ((result.predicted(result.flows[0]), (4, 2)), (result.bound(result.flows[0]), (1, 1.5))):
        if values is not None:
            axis.plot(_shown(values), color=GREY, linestyle=(0, dash), linewidth=1)


def _label(axis: Any, members: Sequence[Measurement], families: Sequence[str]) -> None:
    """Label every curve at its end, or where it leaves the panel; and one line of each prediction."""
    low, high = axis.get_ylim()
    ends, exits = [], []
    for result in members:
        colour = style(families.index(_family(result))).colour
        for flow in result.flows:
            name = f"ρ = {result.radius:g}" if _alone(members) and result.radius is not None else result.name
            text, values = _name(name, flow, result.flows), _shown(flow.followed)
            outside = np.flatnonzero(~((values >= low) & (values <= high)))
            if len(outside):
                exits.append((int(outside[0]), bool(values[outside[0]] > high), text, colour))
            else:
                ends.append((float(values[-1]), shown(text, 30), colour))
    predicted = [result.predicted(result.flows[0]) for result in members if _alone(members)]
    lasts = [float(values[-1]) for values in predicted if values is not None and low <= values[-1] <= high]
    label_lines(axis, [*ends, *([(min(lasts), r"$\rho^k$, dashed", GREY)] if lasts else [])])
    width = axis.get_xlim()[1]
    for (_, above, text, colour), at in zip(exits, spread([at / width for at, *_ in exits], 0.04), strict=True):
        axis.annotate(shown(text, 30), (at, float(above)), (3, -4 if above else 4), "axes fraction",
                      textcoords="offset points", rotation=90, color=darker(colour), fontsize=LABEL,
                      va="top" if above else "bottom")  # fmt: skip
    if _alone(members):
        _label_bounds(axis, members)


def _label_bounds(axis: Any, members: Sequence[Measurement]) -> None:
    """Label the lowest bound where it leaves the panel."""
    lowest = min(members, key=lambda result: result.bounds[0] or 0.0)
    bound = lowest.bound(lowest.flows[0])
    if bound is not None:
        at = min(int(np.searchsorted(bound, axis.get_ylim()[1] / 30)), len(bound) - 1)
        inside = at < 0.6 * len(bound)  # there is room to the right; else below the line, from the right edge
        place = (at, bound[at]) if inside else (len(bound) - 1, min(axis.get_ylim()[1], bound[int(0.7 * len(bound))]))
        axis.annotate(r"bounds $(\gamma\,\sigma_{max})^k$" + ("\n(dotted)" if len(members) > 1 else ""), place,
                      (5 if inside else -2, 0), textcoords="offset points", color=GREY, fontsize=LABEL,
                      ha="left" if inside else "right", va="top")  # fmt: skip


def draw_run(results: Sequence[Measurement], title: str, path: Path) -> None:
    """Save a picture of a run's stages: ∂h_T, ∂L_T, and the singular values of recurrent matrices."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5), layout="constrained")
    axes: Any = figure.subplots(1, 3 if any(result.matrices for result in results) else 2)
    for number, result in enumerate(results):
        curve = style(number)
        every = max(1, result.flows[0].length // MARKERS)
        marks = {"color": curve.colour, "marker": curve.marker, "markersize": 4, "markevery": (number, every)}
        for n, flow in enumerate(result.flows):
            for axis, values in ((axes[0], flow.norm), (axes[1], flow.loss)):
                axis.plot(_shown(values), linestyle=DASHES[n % len(DASHES)], linewidth=1.5, **marks)
        for matrix in result.matrices:
            every = max(1, len(matrix.singular) // MARKERS)
            axes[2].plot(range(1, len(matrix.singular) + 1), matrix.singular, linewidth=0.9,
                         **{**marks, "markevery": (number, every)})  # fmt: skip
        axes[0].plot([], label=shown(result.name, 40), **marks)
    flows = results[0].flows
    for n, flow in enumerate(flows if len(flows) > 1 else ()):
        name = _name("", flow, flows).removeprefix(", ")
        axes[0].plot([], color="black", linestyle=DASHES[n % len(DASHES)], linewidth=1.5, label=name)
    for axis, name in zip(axes, (r"$\Vert\partial h_T/\partial h_{T-k}\Vert_F\,/\,\sqrt{H}$",
                                 r"$\Vert\partial L_T/\partial h_{T-k}\Vert$"), strict=False):  # fmt: skip
        axis.set_ylabel(name)
        _logarithmic(axis)
    _shade(axes[0])
    axes[0].set_title("state by an earlier state", fontsize=10)
    axes[1].set_title("last loss by an earlier state", fontsize=10)
    if len(axes) > 2:
        axes[2].set_title(r"recurrent matrices $W_{hh}$, a line per layer and gate", fontsize=10)
        axes[2].set(xlabel="index of the singular value", ylabel="singular value")
        open_frame(axes[2])
    figure.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    entitle(figure, title)
    save_picture(figure, path, 110)


def _logarithmic(axis: Any) -> None:
    axis.set_yscale("log")
    axis.set_xlabel(BACK)
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, LOWEST), min(high, HIGHEST))
    axis.set_xlim(left=0, right=axis.dataLim.x1)
    open_frame(axis)


def _shade(axis: Any) -> None:
    """Shade where a gradient that began at 1 has vanished, and where it has exploded."""
    low, high = axis.get_ylim()
    if high > CHANGE:
        axis.axhspan(CHANGE, high, color=PALE, alpha=0.45, linewidth=0, zorder=0)
        axis.text(0.02, 0.98, "explodes", transform=axis.transAxes, fontsize=10, va="top")
    if low < 1 / CHANGE:
        axis.axhspan(low, 1 / CHANGE, color=PALE, alpha=0.45, linewidth=0, zorder=0)
        axis.text(0.02, 0.02, "vanishes", transform=axis.transAxes, fontsize=10)
    axis.set_ylim(low, high)


def _name(name: str, flow: Flow, flows: Sequence[Flow]) -> str:
    """Return a curve's label, with the layer and the part of the state if there are several."""
    layer = f", layer {flow.layer}" if len({other.layer for other in flows}) > 1 else ""
    part = f", w.r.t. {flow.by}" if len({other.by for other in flows}) > 1 else ""
    return f"{name}{layer}{part}"


def _shown(values: Array) -> Array:
    """Replace values that a logarithmic axis cannot show by nan."""
    return np.where((values > 1e-300) & np.isfinite(values), values, np.nan)

"""Plot gradients over distance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .gradients import Array, Flow, Measurement

COLOURS = ("#2b6cb0", "#e08a1e", "#d1495b", "#2f855a", "#6b46c1", "#718096")
STYLES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
LOWEST, HIGHEST = 1e-12, 1e12  # range of the plot


def draw_networks(results: Sequence[Measurement], path: Path) -> None:
    """Save a picture with a panel for each group: the largest singular value, ρ^k and the bound over distance.

    Args:
        results: the measurements; colours distinguish spectral radii if given, else networks.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot's global state

    panels = list(dict.fromkeys(result.group for result in results))
    figure = Figure(figsize=(max(7.0, 4.4 * len(panels)), 4.6), layout="constrained")
    axes: Any = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    radii = sorted({result.radius for result in results if result.radius is not None})
    for axis, panel in zip(axes, panels, strict=True):
        shown = [result for result in results if result.group == panel]
        kinds = list(dict.fromkeys(result.kind for result in shown))
        for result in shown:
            radius, kind = result.radius, kinds.index(result.kind)
            colour = COLOURS[(kind if radius is None else radii.index(radius)) % len(COLOURS)]
            for n, flow in enumerate(result.flows):
                style = STYLES[(n if radius is None else kind + n) % len(STYLES)]
                name = _name(result.name, flow, result.flows)
                axis.plot(_shown(flow.followed), color=colour, linestyle=style, linewidth=1.8, label=name)
            if len(kinds) == 1:  # with several kinds there would be too many lines
                _lines(axis, result, colour)
        if len(kinds) == 1 and shown[0].bounds[0] is not None:
            axis.plot([], color="black", linestyle=":", linewidth=1, label=r"bound $(\gamma\,\sigma_{max})^k$")
            if shown[0].radius is not None:
                axis.plot([], color="black", linestyle="--", linewidth=0.8, label=r"$\rho^k$")
        _finish(axis, panel)
    axes[0].set_ylabel(r"largest singular value of $\partial h_T/\partial h_{T-k}$")
    figure.savefig(path, dpi=110)


def _lines(axis: Any, result: Measurement, colour: str) -> None:
    """Plot the spectrum's prediction for the first layer, and the bound."""
    predicted, limit = result.predicted(result.flows[0]), result.bound(result.flows[0])
    if limit is not None:
        axis.plot(_shown(limit), color=colour, linestyle=":", linewidth=1)
    if predicted is not None:
        axis.plot(_shown(predicted), color="black", linestyle="--", linewidth=0.8)


def draw_run(results: Sequence[Measurement], title: str, path: Path) -> None:
    """Save a picture of a run's stages: ∂h_T, ∂L_T, and the singular values of recurrent matrices."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), layout="constrained")
    axes: Any = figure.subplots(1, 3)
    kinds = [_name("", flow, results[0].flows).removeprefix(", ") for flow in results[0].flows]
    for number, result in enumerate(results):
        colour = COLOURS[number % len(COLOURS)]
        for n, flow in enumerate(result.flows):
            style = STYLES[n % len(STYLES)]
            axes[0].plot(_shown(flow.norm), color=colour, linestyle=style, linewidth=1.5)
            axes[1].plot(_shown(flow.loss), color=colour, linestyle=style, linewidth=1.5)
        for matrix in result.matrices:
            axes[2].plot(matrix.singular, color=colour, linewidth=0.9, alpha=0.8)
        for axis in axes if result.matrices else axes[:2]:
            axis.plot([], color=colour, label=result.name)
    for n, kind in enumerate(kinds if len(kinds) > 1 else ()):
        for axis in axes[:2]:
            axis.plot([], color="black", linestyle=STYLES[n % len(STYLES)], linewidth=1, label=kind)
    _finish(axes[0], r"$\Vert\partial h_T/\partial h_{T-k}\Vert_F\,/\,\sqrt{H}$")
    _finish(axes[1], r"$\Vert\partial L_T/\partial h_{T-k}\Vert$")
    axes[2].set_title(r"singular values of $W_{hh}$, results layer and gate", fontsize=10)
    axes[2].set_xlabel("index")
    if any(result.matrices for result in results):
        axes[2].legend(fontsize=8)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)


def _finish(axis: Any, title: str) -> None:
    axis.set_yscale("log")
    axis.set_xlabel("distance k")
    axis.set_title(title, fontsize=10)
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, LOWEST), min(high, HIGHEST))
    axis.grid(alpha=0.25, linewidth=0.5)
    axis.legend(fontsize=7.5, framealpha=0.9)


def _name(name: str, flow: Flow, flows: Sequence[Flow]) -> str:
    """Return a curve's label, with the layer and the part of the state if there are several."""
    layer = f", layer {flow.layer}" if len({other.layer for other in flows}) > 1 else ""
    part = f", w.r.t. {flow.by}" if len({other.by for other in flows}) > 1 else ""
    return f"{name}{layer}{part}"


def _shown(values: Array) -> Array:
    """Replace values that a logarithmic axis cannot show by nan."""
    return np.where((values > 1e-300) & np.isfinite(values), values, np.nan)

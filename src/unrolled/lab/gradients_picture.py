"""Gradients by distance as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .gradients import Array, Flow, Measured

COLOURS = ("#2b6cb0", "#e08a1e", "#d1495b", "#2f855a", "#6b46c1", "#718096")
STYLES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
LOWEST, HIGHEST = 1e-12, 1e12  # drawn


def draw_networks(every: Sequence[Measured], path: Path) -> None:
    """Write a panel for each group of networks: the largest singular value, ρ^k and the bound by distance.

    Args:
        every: what was measured; colours are by spectral radius where that was given, else by network.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot, which keeps figures of the whole process

    panels = list(dict.fromkeys(one.group for one in every))
    figure = Figure(figsize=(max(7.0, 4.4 * len(panels)), 4.6), layout="constrained")
    axes: Any = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    radii = sorted({one.radius for one in every if one.radius is not None})
    for axis, panel in zip(axes, panels, strict=True):
        shown = [one for one in every if one.group == panel]
        kinds = list(dict.fromkeys(one.kind for one in shown))
        for one in shown:
            radius, kind = one.radius, kinds.index(one.kind)
            colour = COLOURS[(kind if radius is None else radii.index(radius)) % len(COLOURS)]
            for n, flow in enumerate(one.flows):
                style = STYLES[(n if radius is None else kind + n) % len(STYLES)]
                name = _name(one.name, flow, one.flows)
                axis.plot(_shown(flow.followed), color=colour, linestyle=style, linewidth=1.8, label=name)
            if len(kinds) == 1:  # with more of them there would be too many lines
                _lines(axis, one, colour)
        if len(kinds) == 1 and shown[0].bounds[0] is not None:
            axis.plot([], color="black", linestyle=":", linewidth=1, label=r"bound $(\gamma\,\sigma_{max})^k$")
            if shown[0].radius is not None:
                axis.plot([], color="black", linestyle="--", linewidth=0.8, label=r"$\rho^k$")
        _finish(axis, panel)
    axes[0].set_ylabel(r"largest singular value of $\partial h_T/\partial h_{T-k}$")
    figure.savefig(path, dpi=110)


def _lines(axis: Any, one: Measured, colour: str) -> None:
    """What the spectrum predicts of the first layer, and the bound."""
    predicted, limit = one.predicted(one.flows[0]), one.bound(one.flows[0])
    if limit is not None:
        axis.plot(_shown(limit), color=colour, linestyle=":", linewidth=1)
    if predicted is not None:
        axis.plot(_shown(predicted), color="black", linestyle="--", linewidth=0.8)


def draw_run(every: Sequence[Measured], title: str, path: Path) -> None:
    """Write what a run's stages do: ∂h_T, ∂L_T, and the singular values of their recurrent matrices."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), layout="constrained")
    axes: Any = figure.subplots(1, 3)
    kinds = [_name("", flow, every[0].flows).removeprefix(", ") for flow in every[0].flows]
    for number, one in enumerate(every):
        colour = COLOURS[number % len(COLOURS)]
        for n, flow in enumerate(one.flows):
            style = STYLES[n % len(STYLES)]
            axes[0].plot(_shown(flow.norm), color=colour, linestyle=style, linewidth=1.5)
            axes[1].plot(_shown(flow.loss), color=colour, linestyle=style, linewidth=1.5)
        for matrix in one.matrices:
            axes[2].plot(matrix.singular, color=colour, linewidth=0.9, alpha=0.8)
        for axis in axes if one.matrices else axes[:2]:
            axis.plot([], color=colour, label=one.name)
    for n, kind in enumerate(kinds if len(kinds) > 1 else ()):
        for axis in axes[:2]:
            axis.plot([], color="black", linestyle=STYLES[n % len(STYLES)], linewidth=1, label=kind)
    _finish(axes[0], r"$\Vert\partial h_T/\partial h_{T-k}\Vert_F\,/\,\sqrt{H}$")
    _finish(axes[1], r"$\Vert\partial L_T/\partial h_{T-k}\Vert$")
    axes[2].set_title(r"singular values of $W_{hh}$, every layer and gate", fontsize=10)
    axes[2].set_xlabel("number")
    if any(one.matrices for one in every):
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


def _name(name: str, flow: Flow, every: Sequence[Flow]) -> str:
    """The curve's: with the layer and the part of the state where there are several."""
    layer = f", layer {flow.layer}" if len({one.layer for one in every}) > 1 else ""
    part = f", by {flow.by}" if len({one.by for one in every}) > 1 else ""
    return f"{name}{layer}{part}"


def _shown(values: Array) -> Array:
    """What a logarithmic axis can show."""
    return np.where((values > 1e-300) & np.isfinite(values), values, np.nan)

"""A picture of ablations: rise of the loss by class for held and random units, with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..results.palette import INK, style
from .control import HIGH, LOW, Controlled
from .picture import check_picture, entitle, open_frame, save_picture

GREY = "#b5b5b5"
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo")  # so that units differ in grey too


def ablation_picture(path: Path, results: Sequence[Controlled], title: str = "") -> None:
    """Write the picture: an axis per layer with held units, a group of bars per class.

    Args:
        path: ends in .png, .svg or .pdf.
        results: results of `controlled`.
        title: title of the figure.

    Raises:
        ArgumentError, SaveError: the picture cannot be written to this path.
    """
    check_picture(path)
    from matplotlib.figure import Figure

    widest = max(len(result.kinds) * (len(result.units) + 1) for result in results)
    figure = Figure(figsize=(max(6.0, 1.5 + 0.42 * widest), 0.6 + 3.6 * len(results)), layout="constrained")
    for axis, result in zip(figure.subplots(len(results), 1, squeeze=False)[:, 0], results, strict=True):
        _bars(axis, result)
    entitle(figure, title)
    save_picture(figure, path)


def _bars(axis: Any, result: Controlled) -> None:
    U = len(result.units)
    bars = U + bool(result.others)
    width = 0.8 / bars
    middles = np.arange(len(result.kinds)) - 0.4 + width / 2

    def draw(number: int, heights: Any, span: Any, colour: str, label: str, hatch: str = "") -> Any:
        places = middles + number * width
        axis.bar(places, heights, width * 0.92, color=colour, label=label, hatch=hatch, edgecolor="white", linewidth=0)
        low, high = span  # the mean may be outside
        axis.errorbar(places, (low + high) / 2, (high - low) / 2, fmt="none", ecolor=INK, capsize=3, elinewidth=1)
        return places

    for u, unit in enumerate(result.units):
        draw(u, result.rises[u], result.ranges[:, u], style(u).colour, f"{unit} held at {result.held[u]:.3g}",
             HATCHES[u % len(HATCHES)])  # fmt: skip
    spread = f"error bars: {LOW}th to {HIGH}th percentile over segments of the text"
    if result.others:
        value = f"{result.held[U]:.3g}" if len(set(result.held[U:])) == 1 else "its mean"
        label = f"mean of {len(result.others)} random units of {result.place}, each held at {value} (dots)"
        places = draw(U, result.mean, result.span, GREY, label)
        for rises in result.other_rises:
            axis.plot(places, rises, linestyle="none", marker=".", markersize=3, color="#555555", alpha=0.5)
        spread += "; for random units, over the units"
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.set_xticks(range(len(result.kinds)), [f"{k}\n{n:,}" for k, n in zip(result.kinds, result.counts, strict=True)])
    axis.set_ylabel("rise of the loss, nats per token", fontsize=9)
    axis.set_xlabel(f"class of the predicted token, and its count\n({spread})", fontsize=8)
    axis.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1))  # above the bars
    axis.tick_params(labelsize=8)
    open_frame(axis)
    axis.grid(visible=False, axis="x")

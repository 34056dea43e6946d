"""Held units beside random ones as a picture: bars by class of symbol, with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .control import HIGH, LOW, Controlled
from .picture import check_picture, save_picture

GREY, INK = "#b5b5b5", "#333333"


def ablation_picture(path: Path, found: Sequence[Controlled], title: str = "") -> None:
    """Write the picture: a field for each layer whose units were held, a group of bars for each class.

    Args:
        path: ends in .png, .svg or .pdf.
        found: what `controlled` found.
        title: above it all.

    Raises:
        ArgumentError, SaveError: no picture can be written there.
    """
    check_picture(path)
    from matplotlib.figure import Figure

    widest = max(len(one.kinds) * (len(one.units) + 1) for one in found)
    figure = Figure(figsize=(max(6.0, 1.5 + 0.42 * widest), 0.6 + 3.6 * len(found)), layout="constrained")
    for axis, one in zip(figure.subplots(len(found), 1, squeeze=False)[:, 0], found, strict=True):
        _field(axis, one)
    if title:
        figure.suptitle(title.replace("$", r"\$"), fontsize=11)
    save_picture(figure, path)


def _field(axis: Any, one: Controlled) -> None:
    U = len(one.units)
    bars = U + bool(one.others)
    width = 0.8 / bars
    middles = np.arange(len(one.kinds)) - 0.4 + width / 2

    def draw(number: int, heights: Any, span: Any, colour: str, label: str) -> Any:
        places = middles + number * width
        axis.bar(places, heights, width * 0.92, color=colour, label=label)
        low, high = span  # a mean may lie beyond them
        axis.errorbar(places, (low + high) / 2, (high - low) / 2, fmt="none", ecolor=INK, capsize=3, elinewidth=1)
        return places

    for u, unit in enumerate(one.units):
        draw(u, one.rises[u], one.ranges[:, u], f"C{u % 10}", f"{unit} held at {one.held[u]:.3g}")
    spread = f"error bars: {LOW}th to {HIGH}th percentile over stretches of the text"
    if one.others:
        how = f"at {one.held[U]:.3g}" if len(set(one.held[U:])) == 1 else "at its mean"
        label = f"mean of {len(one.others)} random units of {one.place}, each held {how} (dots)"
        places = draw(U, one.mean, one.span, GREY, label)
        for rises in one.other_rises:
            axis.plot(places, rises, linestyle="none", marker=".", markersize=3, color="#555555", alpha=0.5)
        spread += "; of the random ones, over the units"
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.set_xticks(range(len(one.kinds)), [f"{k}\n{n:,}" for k, n in zip(one.kinds, one.counts, strict=True)])
    axis.set_ylabel("rise of the loss, nats per symbol", fontsize=9)
    axis.set_xlabel(f"what is predicted, and how often it stands there\n({spread})", fontsize=8)
    axis.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1))  # above: no bar is there
    axis.tick_params(labelsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)

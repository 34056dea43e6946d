"""Held units beside random ones as a picture: bars by class of symbol, with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SaveError
from .control import HIGH, LOW, Controlled
from .picture import check_picture

GREY = "#b5b5b5"
ERRORS: dict[str, Any] = {"ecolor": "#333333", "capsize": 3, "error_kw": {"elinewidth": 1}}


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
    try:
        figure.savefig(path, dpi=130)
    except OSError as error:
        raise SaveError(f"cannot write {path}: {error.strerror}; choose another place") from error


def _field(axis: Any, one: Controlled) -> None:
    bars = len(one.units) + bool(one.others)
    width = 0.8 / bars
    places = np.arange(len(one.kinds))
    U = len(one.units)
    for u, unit in enumerate(one.units):
        errors = np.abs(one.ranges[:, u] - one.rises[u]).clip(0)
        axis.bar(
            places + (u - (bars - 1) / 2) * width, one.rises[u], width * 0.92, yerr=errors, color=f"C{u % 10}",
            label=f"{unit} held at {one.held[u]:.3g}", **ERRORS,
        )  # fmt: skip
    if one.others:
        errors = np.stack([one.mean - one.span[0], one.span[1] - one.mean]).clip(0)
        same = len(set(one.held[U:])) == 1
        how = f"{one.held[U]:.3g}" if same else "its mean"
        axis.bar(
            places + (U - (bars - 1) / 2) * width, one.mean, width * 0.92, yerr=errors, color=GREY,
            label=f"each of {len(one.others)} random units of {one.place} held at {how}: mean", **ERRORS,
        )  # fmt: skip
    axis.axhline(0, color="#333333", linewidth=0.8)
    axis.set_xticks(places, [f"{kind}\n{n:,}" for kind, n in zip(one.kinds, one.counts, strict=True)], fontsize=9)
    axis.set_ylabel("rise of the loss, nats per symbol", fontsize=9)
    spread = f"bars: {LOW}th to {HIGH}th percentile; a unit's over stretches of the text, the random ones' over the units"
    axis.set_xlabel(f"what is predicted, and how often it stands there\n({spread})", fontsize=8)
    axis.legend(frameon=False, fontsize=9)
    axis.tick_params(labelsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)

"""A plot of gradient norms by distance, for `lookback`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..results.palette import BLUE, GREY
from .lookback import Lookback
from .picture import check_picture, entitle, open_frame, save_picture


def lookback_picture(path: Path, result: Lookback, title: str = "", share: float = 0.9) -> None:
    """Write the plot: mean and interquartile range of the norms at each distance, and the effective memory.

    Args:
        path: ends in .png, .svg or .pdf.
        result: result of `lookback`.
        title: title of the figure.
        share: share of the norm for the effective memory.

    Raises:
        ArgumentError, SaveError: the picture cannot be written to this path.
    """
    check_picture(path)
    from matplotlib.figure import Figure

    mean = result.mean()
    distances = np.flatnonzero(~np.isnan(mean))
    has = np.arange(result.norms.shape[1]) < result.available[:, None]  # (P, R)
    quarters = np.array([np.percentile(result.norms[has[:, d], d], [25, 75]) for d in distances])  # (distances, 2)
    memory = result.memory(share)
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.fill_between(distances, *quarters.T, color=BLUE, alpha=0.2, linewidth=0, label="interquartile range")
    axis.plot(distances, mean[distances], color=BLUE, label=f"mean of {len(result.positions):,} predictions")
    axis.axvline(
        memory, color=GREY, linestyle="--", linewidth=1, label=f"{share:.0%} of the mean lies within {memory} tokens"
    )
    positive = mean[distances][mean[distances] > 0]
    if len(positive):
        axis.set_yscale("log")
        axis.set_ylim(bottom=max(positive.min() / 3, positive.max() * 1e-7))
    axis.set_xlim(0, max(1, distances[-1]))
    axis.set_xlabel("distance in tokens from the last token read")
    axis.set_ylabel("norm of the gradient of log p")
    axis.legend(frameon=False, fontsize=9)
    open_frame(axis)
    entitle(figure, title)
    save_picture(figure, path)

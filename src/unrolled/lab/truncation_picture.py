"""Plot the results of `lab.truncation`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..analysis.picture import open_frame, save_picture
from ..results.palette import GREY, style
from .truncation import Truncated

NAMES = {"equal": "windows of equal length", "merity": "random length (merity)",
         "unbiased": "the same, gradients reweighted (unbiased)"}  # fmt: skip


def draw(results: Sequence[Truncated], path: Path) -> None:
    """Save a picture of bias, noise and memory footprint over the mean window length, a panel for each.

    Args:
        results: results of `compare`; the first is for whole streams.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot's global state

    whole, kinds = results[0], dict[str, list[Truncated]]()
    for result in results[1:]:
        kinds.setdefault("equal" if result.name.isdigit() else result.name.split()[0], []).append(result)
    figure = Figure(figsize=(12.5, 4.2), layout="constrained")
    axes: Any = figure.subplots(1, 3)
    _panel(axes[0], kinds, lambda result: result.bias, errors=True)
    axes[0].set(title="bias", ylabel="‖E g − E g*‖ / ‖E g*‖ ± standard error")
    _panel(axes[1], kinds, lambda result: result.noise)
    axes[1].set(title="noise", ylabel="standard deviation of g / ‖E g*‖")
    _panel(axes[2], kinds, lambda result: result.memory / 1024)
    axes[2].set(title="memory footprint", ylabel="saved for the longest window, KiB", yscale="log")
    for axis, value in zip(axes, (0.0, whole.noise, whole.memory / 1024), strict=True):
        axis.axhline(value, color=GREY, linewidth=1, zorder=1, label=f"whole stream, {whole.longest} steps")
    axes[1].set_ylim(0, 1.3 * axes[1].get_ylim()[1])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    save_picture(figure, path, 110)


def _panel(
    axis: Any, kinds: dict[str, list[Truncated]], value: Callable[[Truncated], float], *, errors: bool = False
) -> None:
    """Plot a value of each kind of windows over their mean length."""
    for number, (kind, members) in enumerate(kinds.items()):
        curve, steps = style(number), [member.steps for member in members]
        bars = [member.error for member in members] if errors else None
        axis.errorbar(steps, [value(member) for member in members], bars, marker=curve.marker, markersize=5,
                      capsize=3, elinewidth=1, label=NAMES.get(kind, kind), **curve.line)  # fmt: skip
    axis.set(xscale="log", xlabel="mean window length, steps")
    lengths = sorted({member.steps for member in kinds["equal"]})
    axis.set_xticks(lengths, [f"{length:g}" for length in lengths])
    axis.set_xticks([], minor=True)
    open_frame(axis)

"""Plot the trials of `lab.memory`: a table of solved lengths, and learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .memory import Criterion, Trial

BLUE, PALE, GREY = "#2b6cb0", "#f3d9dc", "#f4f4f4"
COLOURS = {"rnn": "#d1495b", "irnn": "#e08a1e", "gru": "#2f855a", "lstm": "#2b6cb0"}
WIDTHS = (1.0, 2.4)  # line widths of the shortest and the longest length


def draw(
    trials: Sequence[Trial], cells: Sequence[str], lengths: Sequence[int], criterion: Criterion, path: Path
) -> None:
    """Save the picture.

    Args:
        trials: the trials.
        cells, lengths: the rows and columns of the table.
        criterion: when a problem counts as solved.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot's global state
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(12, 4.4), layout="constrained")
    axes: Any = figure.subplots(1, 2, width_ratios=(1.15, 1))
    by_cell = {(trial.cell, trial.length): trial for trial in trials}
    for row, cell in enumerate(cells):
        for column, length in enumerate(lengths):
            trial = by_cell.get((cell, length))
            colour = GREY if trial is None else BLUE if trial.solved else PALE
            axes[0].add_patch(Rectangle((column + 0.03, row + 0.05), 0.94, 0.9, color=colour))
            text = "not tried" if trial is None else f"{trial.steps:,} steps" if trial.solved else f"{trial.error:.3f}"
            shade = "#9d9d9d" if trial is None else "white" if trial.solved else "black"
            axes[0].text(column + 0.5, row + 0.5, text, ha="center", va="center", color=shade, fontsize=10)
    axes[0].set(xlim=(0, len(lengths)), ylim=(len(cells), 0), xlabel="length")
    axes[0].set_xticks([n + 0.5 for n in range(len(lengths))], [str(length) for length in lengths])
    axes[0].set_yticks([n + 0.5 for n in range(len(cells))], list(cells))
    axes[0].tick_params(length=0)
    axes[0].set_title(f"blue: {criterion.metric} below {criterion.solved:g} after this many steps; red: its last value",
                      fontsize=9, loc="left")  # fmt: skip
    for result in trials:
        share = lengths.index(result.length) / max(1, len(lengths) - 1)
        width = WIDTHS[0] + share * (WIDTHS[1] - WIDTHS[0])
        axes[1].plot(*zip(*result.curve, strict=True), color=COLOURS.get(result.cell, "#718096"), linewidth=width)
        axes[1].annotate(f"{result.length}", result.curve[-1], fontsize=8, xytext=(3, 0), textcoords="offset points")
    for cell in cells:
        axes[1].plot([], color=COLOURS.get(cell, "#718096"), label=cell)
    for value, text in ((criterion.chance, "best constant prediction"), (criterion.solved, "solved")):
        axes[1].axhline(value, color="black", linewidth=0.8, linestyle=":")
        axes[1].annotate(text, (0, value), fontsize=8, xytext=(2, 3), textcoords="offset points")
    axes[1].set(yscale="log", xlabel="step", ylabel=criterion.metric.replace("_", " "))
    axes[1].set_xlim(left=0)
    axes[1].legend(fontsize=9, loc="lower right", framealpha=0.9)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].spines[:].set_visible(False)
    figure.savefig(path, dpi=110)

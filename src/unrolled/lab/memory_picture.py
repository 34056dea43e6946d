"""Plot the trials of `lab.memory`: a table of solved lengths, and the learning curves of each cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..analysis.picture import LABEL, label_lines, open_frame, save_picture
from ..results.palette import BLUE, GREY, INK, PALE, Style, darker, style
from .memory import CELLS, Criterion, Trial

FAILED, SKIPPED = "#ececec", "#ffffff"  # background colours of the table
WIDTHS = (0.9, 2.4)  # line widths of the shortest and the longest length


def draw(
    trials: Sequence[Trial], cells: Sequence[str], lengths: Sequence[int], criterion: Criterion, path: Path
) -> None:
    """Save the picture.

    Args:
        trials: the trials.
        cells, lengths: the rows and columns of the table; a panel for each cell.
        criterion: when a problem counts as solved.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot's global state

    columns = math.ceil(len(cells) / 2) if len(cells) > 1 else 1
    rows = math.ceil(len(cells) / columns)
    figure = Figure(figsize=(6.2 + 3.4 * columns, 5.2), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=(5.6, 3.4 * columns + 0.9))
    left, right = parts
    _table(left.subplots(), trials, cells, lengths, criterion)
    axes: Any = right.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axis, cell in zip(axes, cells, strict=False):
        _curves(axis, [trial for trial in trials if trial.cell == cell], lengths, _style(cell))
        axis.set_title(cell.upper(), fontsize=10, loc="left")
    low, high = axes[0].get_ylim()
    for axis in axes[: len(cells)]:  # after all curves, which share the limits
        axis.set(ylim=(min(low / 2, criterion.solved / 4), max(high, criterion.chance * 2)))
        axis.set_xlim(0, 1.08 * max(trial.steps for trial in trials))
        for value in (criterion.chance, criterion.solved):
            axis.axhline(value, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=1)
    names = ((criterion.chance, "constant\nprediction"), (criterion.solved, "solved"))
    for axis in axes[columns - 1 : len(cells) : columns]:
        label_lines(axis, [(value, text, GREY) for value, text in names])
    for axis in axes[len(cells) :]:
        axis.set_visible(False)
    right.suptitle(f"numbers beside the curves: {criterion.length}", fontsize=10)
    right.supxlabel("training step", fontsize=10)
    right.supylabel(f"{criterion.label}, validation", fontsize=10)
    save_picture(figure, path, 110)


def _style(cell: str) -> Style:
    return style(list(CELLS).index(cell) if cell in CELLS else len(CELLS))


def _table(
    axis: Any, trials: Sequence[Trial], cells: Sequence[str], lengths: Sequence[int], criterion: Criterion
) -> None:
    from matplotlib.patches import Rectangle

    by_cell = {(trial.cell, trial.length): trial for trial in trials}
    for row, cell in enumerate(cells):
        for column, length in enumerate(lengths):
            trial = by_cell.get((cell, length))
            solved = trial is not None and trial.solved
            face = BLUE if solved else SKIPPED if trial is None else FAILED
            axis.add_patch(Rectangle((column + 0.03, row + 0.05), 0.94, 0.9, facecolor=face, edgecolor=PALE))
            text = (
                "not tried" if trial is None else f"{trial.steps:,}\nsteps" if solved else f"failed:\n{trial.error:.3g}"
            )
            ink = GREY if trial is None else "white" if solved else INK
            axis.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=ink, fontsize=9)
    axis.set(xlim=(0, len(lengths)), ylim=(len(cells), 0), xlabel=criterion.length)
    axis.set_xticks([n + 0.5 for n in range(len(lengths))], [str(length) for length in lengths])
    axis.set_yticks([n + 0.5 for n in range(len(cells))], [cell.upper() for cell in cells])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title(f"{criterion.title}\ntraining steps until the {criterion.label} is below {criterion.solved:g};\n"
                   "failed: its last value", fontsize=10, loc="left")  # fmt: skip


def _curves(axis: Any, trials: Sequence[Trial], lengths: Sequence[int], curve: Style) -> None:
    for trial in trials:
        share = lengths.index(trial.length) / max(1, len(lengths) - 1)
        width = WIDTHS[0] + share * (WIDTHS[1] - WIDTHS[0])
        axis.plot(*zip(*trial.curve, strict=True), color=curve.colour, linewidth=width)
        axis.plot(*trial.curve[-1], marker=curve.marker if trial.solved else "x", color=curve.colour, markersize=5)
        beside = trial.solved and trial is trials[-1]  # there is room; below, neighbours would touch
        axis.annotate(f"{trial.length}", trial.curve[-1], (5, 0) if beside else (0, -5), textcoords="offset points",
                      fontsize=LABEL, color=darker(curve.colour), ha="left" if beside else "center",
                      va="center" if beside else "top")  # fmt: skip
    axis.set_yscale("log")
    open_frame(axis)

"""A plot of BLEU by source length, a line per model, as figure 2 of Bahdanau et al. 2015."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ArgumentError
from ..results.palette import style
from .picture import check_picture, open_frame, save_picture

FEW = 10  # minimum sentences for a meaningful BLEU


Bucket = tuple[int, int, int, float]
"""minimum and maximum words, number of sentences, BLEU"""


def check_length_picture(path: Path, counts: Sequence[int]) -> None:
    """Raise the errors of `length_picture` for buckets with these counts, before the evaluation."""
    check_picture(path)
    if max(counts, default=0) < FEW:
        raise ArgumentError("picture", f"omitted if no bucket has at least {FEW} sentences", str(path))


def length_picture(path: Path, lengths: Mapping[str, Sequence[Bucket]]) -> None:
    """Write the plot; buckets of fewer than ten sentences are omitted.

    Args:
        path: ends in .png, .svg or .pdf.
        lengths: the buckets of each model, by name.

    Raises:
        ArgumentError: the path is not suitable for a picture, or there is nothing to plot.
        SaveError: the file cannot be written.
    """
    counts = [count for buckets in lengths.values() for _, _, count, _ in buckets]
    check_length_picture(path, counts)
    plotted = {name: [bucket for bucket in buckets if bucket[2] >= FEW] for name, buckets in lengths.items()}
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    ticks: dict[float, str] = {}
    for number, (name, buckets) in enumerate(plotted.items()):
        middles = [(low + high) / 2 for low, high, _, _ in buckets]
        ticks |= {(low + high) / 2: f"{low}–{high}\n({count})" for low, high, count, _ in buckets}
        curve = style(number)
        axis.plot(middles, [bleu for *_, bleu in buckets], label=_label(name), marker=curve.marker, **curve.line)
    axis.set_xticks(list(ticks), list(ticks.values()), fontsize=8)
    axis.set_xlabel("source length in words (number of sentences)")
    axis.set_ylabel("BLEU, lower-cased")
    axis.set_ylim(bottom=0)
    open_frame(axis)
    axis.legend(frameon=False)
    save_picture(figure, path)


def _label(name: str) -> str:
    """Escape a name for the legend: no mathematics, no leading underscore, which hides a label."""
    name = name.replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name

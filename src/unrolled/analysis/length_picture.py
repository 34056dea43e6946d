"""BLEU against the length of the sentence, a line for each model: figure 2 of Bahdanau et al. 2015."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ArgumentError
from .picture import check_picture, save_picture

LINES = ("-", "--", "-.", ":")
MARKS = "os^Dv"
FEW = 10  # sentences whose BLEU says nothing


Bucket = tuple[int, int, int, float]
"""from so many words to so many, how many sentences, their BLEU"""


def check_length_picture(path: Path, counts: Sequence[int]) -> None:
    """Raise `ArgumentError` if `length_picture` would, for buckets of so many sentences: ask before the work."""
    check_picture(path)
    if max(counts, default=0) < FEW:
        raise ArgumentError("picture", f"left out for fewer than {FEW} sentences of any length", str(path))


def length_picture(path: Path, lengths: Mapping[str, Sequence[Bucket]]) -> None:
    """Write the picture; buckets of fewer than ten sentences are left out.

    Args:
        path: ends in .png, .svg or .pdf.
        lengths: of each model, by its name.

    Raises:
        ArgumentError: no picture can be written there, or there is nothing to write.
        SaveError: the disk is full, or it may not be written.
    """
    counts = [count for buckets in lengths.values() for _, _, count, _ in buckets]
    check_length_picture(path, counts)
    kept = {name: [one for one in buckets if one[2] >= FEW] for name, buckets in lengths.items()}
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    ticks: dict[float, str] = {}
    for number, (name, some) in enumerate(kept.items()):
        middles = [(low + high) / 2 for low, high, _, _ in some]
        ticks |= {(low + high) / 2: f"{low}–{high}\n({count})" for low, high, count, _ in some}
        line, mark = LINES[number % len(LINES)], MARKS[number % len(MARKS)]
        axis.plot(middles, [bleu for *_, bleu in some], label=_shown(name), linestyle=line, marker=mark)
    axis.set_xticks(list(ticks), list(ticks.values()), fontsize=8)
    axis.set_xlabel("words of the source (sentences)")
    axis.set_ylabel("BLEU, lower-cased")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    save_picture(figure, path)


def _shown(name: str) -> str:
    """Without mathematics; matplotlib leaves out what begins with an underscore."""
    name = name.replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name

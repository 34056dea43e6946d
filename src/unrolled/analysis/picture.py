"""Pictures: check the path before the computation, save figures, format labels."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, SaveError
from ..results.palette import darker

LABEL = 8.5  # font size of the labels of lines


def check_picture(path: Path) -> None:
    """Raise `ArgumentError` if the path is not suitable for a picture, `SaveError` if it is not writable."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ArgumentError("picture", "a file with the suffix .png, .svg or .pdf", str(path))
    if not path.absolute().parent.is_dir():
        raise ArgumentError("picture", "in an existing folder", str(path))
    if path.is_dir() or not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        why = "Is a directory" if path.is_dir() else "Permission denied"
        raise SaveError(f"cannot write {path}: {why}; choose another path")
    if importlib.util.find_spec("matplotlib") is None:
        raise ArgumentError("picture", "omitted without matplotlib", str(path), "pip install 'unrolled[plot]'")


def save_picture(figure: Any, path: Path, dpi: float = 130, **options: Any) -> None:
    """Save a matplotlib figure.

    Raises:
        SaveError: the file cannot be written.
    """
    try:
        figure.savefig(path, dpi=dpi, **options)
    except OSError as error:
        raise SaveError(f"cannot write {path}: {error.strerror}; choose another path") from error


def shown(word: str, most: int) -> str:
    """Format a word as a label: at most so many characters, on one line, without mathematics."""
    word = "".join(letter if letter.isprintable() else "�" for letter in word)
    word = word if len(word) <= most else word[: most - 1] + "…"
    return word.replace("$", r"\$")


def entitle(figure: Any, title: str) -> None:
    """Write a title above a figure, cut off at its width; nothing if it is empty."""
    if title:
        figure.suptitle(shown(title, int(11.5 * figure.get_figwidth())), fontsize=10)


def picture_bytes(write: Callable[[Path], None], suffix: str = ".png") -> bytes:
    """Return the bytes of the picture that ``write`` writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{suffix}"
        write(path)
        return path.read_bytes()


def open_frame(axis: Any) -> None:
    """Remove the frame above and to the right of an axis, and draw a light grid behind the curves."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25, linewidth=0.5)
    axis.set_axisbelow(True)


def label_lines(axis: Any, labels: Sequence[tuple[float, str, str]], at: float = 1.0) -> None:
    """Write labels at the right ends of curves, moved apart where they would overlap.

    The limits of the axis must be final.

    Args:
        axis: the axis.
        labels: for each curve its y at the right end, the text and the colour.
        at: horizontal position of the ends, as a fraction of the axis.
    """
    low, high = (axis.transData.transform((0, y))[1] for y in axis.get_ylim())
    heights = [(axis.transData.transform((0, y))[1] - low) / (high - low) for y, _, _ in labels]
    line = 1.25 * LABEL / 72 * axis.figure.dpi / axis.get_window_extent().height
    places = spread([min(1.0, max(0.0, height)) for height in heights], line)
    for (_, text, colour), end, place in zip(labels, heights, places, strict=True):
        moved = abs(place - end) > line / 4 and 0 <= end <= 1
        pointer = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0}
        axis.annotate(text, (at, min(1.0, max(0.0, end))), (at + (0.035 if moved else 0.015), place), "axes fraction",
                      color=darker(colour), fontsize=LABEL, va="center", annotation_clip=False,
                      arrowprops=pointer if moved else None)  # fmt: skip


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places apart by as little as possible, so that neighbours are at least ``gap`` apart; keep their order.

    They stay within 0 and 1 if there is room.
    """
    order = sorted(range(len(places)), key=lambda n: places[n])
    groups: list[tuple[list[int], float]] = []  # members from below, place of the lowest
    for n in order:
        members, lowest = [n], places[n]
        while groups and groups[-1][1] + gap * len(groups[-1][0]) > lowest:
            members = [*groups.pop()[0], *members]
            lowest = sum(places[m] - gap * k for k, m in enumerate(members)) / len(members)
            lowest = max(0.0, min(lowest, 1.0 - gap * (len(members) - 1)))
        groups.append((members, lowest))
    found = dict[int, float]()
    for members, lowest in groups:
        found |= {m: lowest + gap * k for k, m in enumerate(members)}
    return [found[n] for n in range(len(places))]

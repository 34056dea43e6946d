"""A picture of a confusion matrix."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .picture import shown

MOST_CLASSES = 60  # more are not legible
LONGEST = 20  # characters of a class name


def confusion_picture(confusion: npt.NDArray[np.int64], classes: Sequence[str], title: str = "") -> bytes:
    """Draw counts ``(C, C)``, true class by row, as a PNG file; darker cells are larger fractions of their row.

    Needs matplotlib.
    """
    from matplotlib.figure import Figure  # without pyplot, which keeps global figures

    shares = confusion / confusion.sum(1, keepdims=True).clip(1)
    names = [shown(name, LONGEST) for name in classes]
    side = max(3.2, 1.5 + 0.55 * len(names))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45 if max(map(len, names)) > 3 else 0, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    for (row, column), count in np.ndenumerate(confusion):
        colour = "white" if shares[row, column] > 0.5 else "#333"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=9)
    lines = [shown(line, max(LONGEST, int(10 * side))) for line in title.splitlines()]
    axes.set_title("\n".join(lines), fontsize=10)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=150)
    return png.getvalue()

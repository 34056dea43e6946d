"""Plot a guessing game: the distribution of guess numbers, and the entropy bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..analysis.picture import entitle, open_frame, save_picture
from ..results.palette import BLUE, INK, VERMILLION, darker
from .shannon import Game

SHOWN = 27  # guesses


def draw(game: Game, title: str, path: Path) -> None:
    """Save the picture; ``path`` ends in .png, .svg or .pdf."""
    from matplotlib.figure import Figure  # without pyplot's global state

    figure = Figure(figsize=(8, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[4, 1.2])
    _bars(above, game)
    _bounds(below, game)
    entitle(figure, title)
    save_picture(figure, path)


def _bars(axis: Any, game: Game) -> None:
    q = 100 * game.q[:SHOWN]
    places = range(1, len(q) + 1)
    axis.bar(places, q, color=BLUE, width=0.8)
    for place, share in zip(places, q, strict=True):
        if share >= 0.05:
            text = f"{share:.0f}" if share >= 10 else f"{share:.1f}"
            axis.annotate(text, (place, share), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    axis.set(xlabel="number of the right guess", ylabel="letters, %", xlim=(0.3, len(q) + 0.7))
    axis.set_ylim(top=1.08 * max(q))
    axis.set_xticks([place for place in places if place == 1 or place % 5 == 0])
    open_frame(axis)
    axis.grid(visible=False, axis="x")


def _bounds(axis: Any, game: Game) -> None:
    """Draw the interval between the bounds, and below it the cross-entropy, each in a row of its own."""
    axis.plot([game.lower, game.upper], [1, 1], color=BLUE, linewidth=7, solid_capstyle="butt")
    for value, side in ((game.lower, -1), (game.upper, 1)):
        axis.annotate(f"{value:.2f}", (value, 1), (6 * side, 0), textcoords="offset points",
                      ha="right" if side < 0 else "left", va="center", color=INK)  # fmt: skip
    rows = {1: "bounds on the entropy"}
    if game.bits is not None:
        rows[0] = "cross-entropy, model"
        axis.plot([game.bits], [0], marker="D", color=VERMILLION, markersize=8)
        axis.annotate(f"{game.bits:.2f}", (game.bits, 0), (8, 0), textcoords="offset points", va="center",
                      color=darker(VERMILLION))  # fmt: skip
    highest = max(game.lower, game.upper, game.bits or 0.0, 1.0)
    axis.set(xlim=(-0.1 * highest, 1.15 * highest), ylim=(min(rows) - 0.7, 1.7), xlabel="bits per letter")
    axis.set_xticks([bits for bits in axis.get_xticks() if 0 <= bits <= 1.15 * highest])
    axis.set_yticks(list(rows), list(rows.values()))
    axis.tick_params(axis="y", length=0)
    axis.spines["bottom"].set_bounds(0, 1.15 * highest)  # bits are not negative
    axis.spines[["top", "right", "left"]].set_visible(False)

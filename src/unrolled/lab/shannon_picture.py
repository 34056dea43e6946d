"""Plot a guessing game: the distribution of guess numbers, and the entropy bounds."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from .shannon import Game

BLUE, RED, GREY = "#4c78a8", "#e45756", "#888888"
SHOWN = 27  # guesses


def draw(game: Game, title: str, path: Path) -> None:
    """Save the picture; ``path`` ends in .png, .svg or .pdf."""
    importlib.import_module("matplotlib").use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(8, 5), height_ratios=[4, 1], layout="constrained")
    _bars(above, game)
    _bounds(below, game)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _bars(axis: Any, game: Game) -> None:
    q = 100 * game.q[:SHOWN]
    places = range(1, len(q) + 1)
    axis.bar(places, q, color=BLUE, width=0.8)
    for place, share in zip(places, q, strict=True):
        if share >= 0.05:
            axis.text(place, share + 0.8, f"{share:.0f}" if share >= 10 else f"{share:.1f}", ha="center", fontsize=7)
    axis.set(xlabel="guess", ylabel="% of letters", xlim=(0.3, len(q) + 0.7))
    axis.set_xticks([place for place in places if place == 1 or place % 5 == 0])
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _bounds(axis: Any, game: Game) -> None:
    axis.plot([game.lower, game.upper], [0, 0], color=BLUE, linewidth=6, solid_capstyle="round")
    for value, name, place in ((game.lower, "lower bound", "right"), (game.upper, "upper bound", "left")):
        gap = -8 if place == "right" else 8
        axis.annotate(f"{name} {value:.2f}", (value, 0), (gap, 0), textcoords="offset points", ha=place, va="center")
    if game.bits is not None:
        axis.plot([game.bits], [0], marker="o", color=RED, markersize=9)
        axis.annotate(f"cross-entropy {game.bits:.2f}", (game.bits, 0), (0, 11), textcoords="offset points",
                      ha="center", color=RED)  # fmt: skip
    highest = max(game.upper, game.bits or 0.0, 1.0)
    axis.set(xlim=(-0.25 * highest, 1.4 * highest), ylim=(-1, 1), xlabel="bits per letter", yticks=[])
    axis.set_xticks([bits for bits in axis.get_xticks() if 0 <= bits <= 1.4 * highest])
    axis.spines["bottom"].set_bounds(0, 1.4 * highest)  # bits are not negative
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)

"""Plot the error surface and descents on it, after figure 6 of Pascanu, Mikolov and Bengio 2013."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.picture import save_picture
from ..results.palette import BLUE, VERMILLION, darker
from .error_surface import Array, Descent, Unit

Box = tuple[float, float, float, float]
"""range of w and range of b: (w low, w high, b low, b high)"""

ACROSS = 401  # grid points in each direction; the 3-d plot uses 81 of them


def draw(unit: Unit, free: Descent, clipped: Descent, clip: float, box: Box, path: Path) -> None:
    """Save the picture: the surface in 3-d, and as a contour plot.

    Args:
        unit: the network.
        free, clipped: one descent each, without and with clipping.
        clip: the maximum gradient norm.
        box: the ranges to show, with the start inside; descents are cut off at its edge.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot's global state

    W, B = np.meshgrid(np.linspace(*box[:2], ACROSS), np.linspace(*box[2:], ACROSS))
    E, _ = unit.error(W, B)
    figure = Figure(figsize=(11.5, 5.2), layout="constrained")
    relief: Any = figure.add_subplot(1, 2, 1, projection="3d")
    coarse = slice(None, None, ACROSS // 80)
    relief.plot_surface(W[coarse, coarse], B[coarse, coarse], E[coarse, coarse], cmap="Greys", vmin=-0.3, vmax=0.6,
                        linewidth=0, antialiased=True, alpha=0.85, rcount=81, ccount=81)  # fmt: skip
    relief.set_xlabel("weight w", labelpad=8)
    relief.set_ylabel("bias b", labelpad=10)
    relief.set_zlabel("error E")
    relief.view_init(elev=32, azim=38)
    relief.set(xticks=[4, 5, 6, 7], yticks=[-3, -2, -1], zticks=[0, 0.2, 0.4])
    relief.set_box_aspect((4, 4, 2.4), zoom=0.88)  # room for the label of the vertical axis
    above = figure.add_subplot(1, 2, 2)
    filled = above.contourf(W, B, E, levels=np.linspace(0, 0.5, 26), cmap="Greys")
    figure.colorbar(filled, ax=above, label="error E", ticks=[0, 0.1, 0.2, 0.3, 0.4, 0.5])
    above.set(xlabel="weight w", ylabel="bias b", xlim=box[:2], ylim=box[2:])
    for descent, colour, dash, name in (
        (free, VERMILLION, (0, (5, 2)), "gradient descent, not clipped"),
        (clipped, BLUE, "-", f"clipped at a norm of {clip:g}"),
    ):
        points, errors = _clip_to_box(descent, box)
        above.plot(*points.T, linestyle=dash, color=colour, marker=".", markersize=4, linewidth=1.3, label=name)
        relief.plot(*points.T, errors + 0.01, linestyle=dash, color=colour, linewidth=1.6, zorder=10)
        if not _inside(descent.points[len(points) - 1, :, 0], box):
            _leave(above, points, descent.points[-1, :, 0], colour)
    above.plot(*clipped.points[0, :, 0], "o", color="black", markersize=6, label="start of both")
    above.legend(loc="lower right", fontsize=9, framealpha=0.95)
    figure.suptitle(f"E = (σ(x$_T$) − {unit.goal:g})²,   x$_t$ = w σ(x$_{{t−1}}$) + b,   x$_0$ = {unit.start:g},   "
                    f"T = {unit.steps} steps", fontsize=11)  # fmt: skip
    save_picture(figure, path)


def _leave(axis: Any, points: Array, end: Array, colour: str) -> None:
    """Draw an arrow where a descent leaves the box, and write where it ends."""
    axis.annotate("", points[-1], points[-2] + 0.8 * (points[-1] - points[-2]),
                  arrowprops={"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0}, zorder=5)  # fmt: skip
    where = f"ends at w = {end[0]:.3g}, b = {end[1]:.3g}" if np.abs(end).max() < 1e6 else "diverges"
    left = points[-1][0] > sum(axis.get_xlim()) / 2
    low = points[-1][1] < sum(axis.get_ylim()) / 2
    axis.annotate(where, points[-1], (-8 if left else 8, 8 if low else -8), textcoords="offset points", fontsize=9,
                  color=darker(colour), ha="right" if left else "left", va="bottom" if low else "top")  # fmt: skip


def _clip_to_box(descent: Descent, box: Box) -> tuple[Array, Array]:
    """Return the points ``(M, 2)`` up to the first outside the box, moved to its edge, and their errors."""
    points, errors = descent.points[:, :, 0].copy(), descent.errors[:, 0]
    for n, point in enumerate(points):
        if not _inside(point, box):
            before, step = points[n - 1], point - points[n - 1]
            room = [
                ((edge - at) / by if by else np.inf)
                for at, by, low, high in ((before[0], step[0], *box[:2]), (before[1], step[1], *box[2:]))
                for edge in [high if by > 0 else low]
            ]
            points[n] = before + min(room) * step
            return points[: n + 1], np.append(errors[:n], errors[n - 1])
    return points, errors


def _inside(point: Array, box: Box) -> bool:
    return bool(box[0] <= point[0] <= box[1] and box[2] <= point[1] <= box[3])

"""Plot the error surface and descents on it, after figure 6 of Pascanu, Mikolov and Bengio 2013."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .error_surface import Array, Descent, Unit

Box = tuple[float, float, float, float]
"""range of w and range of b: (w low, w high, b low, b high)"""

BLUE, RED = "#2b6cb0", "#d1495b"
ACROSS = 401  # grid points in each direction; the 3-d plot uses 81 of them


def draw(unit: Unit, free: Descent, clipped: Descent, clip: float, box: Box, path: Path) -> None:
    """Save the picture: the surface in 3-d, and as a contour plot.

    Args:
        unit: the network.
        free, clipped: one descent each, without and with clipping.
        clip: the maximum gradient norm.
        box: the ranges to show; descents are cut off at its edge.
        path: ends in .png, .svg or .pdf.
    """
    from matplotlib.figure import Figure  # without pyplot's global state

    W, B = np.meshgrid(np.linspace(*box[:2], ACROSS), np.linspace(*box[2:], ACROSS))
    E, _ = unit.error(W, B)
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    relief: Any = figure.add_subplot(1, 2, 1, projection="3d")
    coarse = slice(None, None, ACROSS // 80)
    relief.plot_surface(W[coarse, coarse], B[coarse, coarse], E[coarse, coarse], cmap="Greys", vmin=-0.3, vmax=0.6,
                        linewidth=0, antialiased=True, alpha=0.85, rcount=81, ccount=81)  # fmt: skip
    relief.set(xlabel="w", ylabel="b", zlabel="error")
    relief.view_init(elev=32, azim=38)
    relief.set(xticks=[4, 5, 6, 7], yticks=[-3, -2, -1], zticks=[0, 0.2, 0.4])
    relief.set_box_aspect((4, 4, 2.4))
    above = figure.add_subplot(1, 2, 2)
    filled = above.contourf(W, B, E, levels=np.linspace(0, 0.5, 26), cmap="Greys")
    figure.colorbar(filled, ax=above, label="error", ticks=[0, 0.1, 0.2, 0.3, 0.4, 0.5])
    above.set(xlabel="w", ylabel="b", xlim=box[:2], ylim=box[2:])
    for descent, colour, style, name in (
        (free, RED, "--", "not clipped"),
        (clipped, BLUE, "-", f"clipped at a norm of {clip:g}"),
    ):
        points, errors = _clip_to_box(descent, box)
        above.plot(*points.T, style, color=colour, marker=".", markersize=4, linewidth=1.3, label=name)
        relief.plot(*points.T, errors + 0.01, style, color=colour, linewidth=1.6, zorder=10)
    above.plot(*clipped.points[0, :, 0], "o", color="black", markersize=6, label="start of both")
    above.legend(loc="upper right", fontsize=8, framealpha=0.95)
    far = float(np.abs(free.points[-1, :, 0]).max())
    if not _inside(free.points[-1, :, 0], box):
        w, b = free.points[-1, :, 0]
        above.set_title(f"not clipped, it ends at w = {w:.3g}, b = {b:.3g}" if far < 1e6 else "", fontsize=10)
    figure.savefig(path, dpi=130)


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

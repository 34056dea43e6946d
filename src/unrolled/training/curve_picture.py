"""The learning curve as an SVG file, RUN/curve.svg: losses by step, the best step marked, light and dark.

Each panel ends where its values are usual: training loss of the first steps, or a validation loss that rises without
end, would flatten everything else; higher values are cut, and the picture says so.
"""

from __future__ import annotations

import math

from ..results.markup import escaped
from .axes import LEFT, WIDE, Axes, svg, text, ticks
from .curve import Curve, Points
from .metrics import Metric

TALL, RIGHT, TOP = 300, 110, 40  # of a panel, in pixels
MOST = 600  # points of a line


def curve_svg(curve: Curve, metric: Metric, title: str, unit: str) -> str:
    """Return the picture: a panel of both losses, and one of the metric for model selection if that is not the loss.

    Args:
        curve: the curve.
        metric: the metric for model selection.
        title: the name of the run.
        unit: the unit of the loss.
    """
    steps = [step for points in (curve.training, curve.validation, curve.selecting) for step, _ in points] or [0]
    span = min(steps), max(steps)
    panels = [_panel(f"loss, {unit}", {"training": curve.training, "validation": curve.validation}, curve.best, span)]
    if metric.name != "loss":
        panels.append(_panel(f"validation {metric.label}", {"validation": curve.selecting}, curve.best, span))
    body = "".join(f'<g transform="translate(0 {24 + TALL * n})">{panel}</g>' for n, panel in enumerate(panels))
    title_line = f'<text class="title" x="{LEFT}" y="22">{escaped(title)}</text>'
    return svg(title, 24 + TALL * len(panels), title_line + body)


def _panel(label: str, lines: dict[str, Points], best: int, span: tuple[int, int]) -> str:
    if not any(lines.values()):
        return ""
    (first, last), (low, high) = span, _range(lines)
    cut = any(y > high for line in lines.values() for _, y in line)

    axes = Axes(first, last, low, high, TALL, TOP, RIGHT)
    parts = [text(LEFT, 20, label + (f" (higher values cut at {high:.3g})" if cut else ""))]
    parts += axes.drawn("training step", [(x, f"{x:,.0f}") for x in ticks(first, last, 6)])
    ends = sorted((axes.y(line[-1][1]), name, axes.x(line[-1][0])) for name, line in lines.items() if line)
    for name, line in lines.items():
        if line:
            parts.append(axes.line(_thinned(line), name))
        if name == "validation" and len(line) <= 60:
            parts += [f'<circle class="dot" cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="3.5"/>' for x, y in line]
    below = -math.inf
    for y, name, x in ends:
        below = max(y + 4, below + 16)
        parts.append(text(x + 10, below, name, kind=f"small {name}"))
    for x, y in lines["validation"]:
        if x == best:
            parts.append(axes.vertical(x, "best"))
            parts.append(f'<circle class="ring" cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="6.5"/>')
            side = "end" if axes.x(x) > WIDE / 2 else "start"
            parts.append(text(axes.x(x), TOP - 6, f"best: {y:.4g} at step {x:,}", side))
    return "".join(parts)


def _range(lines: dict[str, Points]) -> tuple[float, float]:
    """Return the range of the axis: all validation values, but at most three times the range of usual values."""
    valid = [y for _, y in lines["validation"]]
    trained = sorted(y for _, y in lines.get("training", []))
    low = min([*valid, *trained])
    high = max(valid or trained)
    if trained:
        usual = max(valid[:1] + trained[: 1 + int(0.95 * (len(trained) - 1))])
        high = max(usual, min(high, usual + 2 * (usual - low)))
    pad = 0.05 * ((high - low) or abs(high) or 1.0)
    return (max(0.0, low - pad) if low >= 0 else low - pad), high + pad


def _thinned(points: Points) -> Points:
    """Return at most about `MOST` points: means of neighbours, each at its middle step."""
    size = max(1, -(-len(points) // MOST))
    chunks = (points[n : n + size] for n in range(0, len(points), size))
    return [(chunk[len(chunk) // 2][0], sum(y for _, y in chunk) / len(chunk)) for chunk in chunks]

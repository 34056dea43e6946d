"""The curve of a learning rate range test as an SVG file, RUN/lr.svg: loss by rate, the chosen rate marked."""

from __future__ import annotations

import math

from .axes import LEFT, WIDE, Axes, svg, text
from .range_test import RangeTest

TALL, RIGHT, TOP = 340, 30, 56  # pixels


def range_svg(test: RangeTest, title: str, unit: str) -> str:
    """Return the picture; ``unit`` is that of the loss."""
    rates, losses = zip(*test.points, strict=True)
    first, last = math.floor(math.log10(rates[0]) + 1e-9), math.ceil(math.log10(rates[-1]) - 1e-9)
    low, high = min(losses), max(losses)
    pad = 0.05 * (high - low or 1.0)
    axes = Axes(first, last, low - pad, high + pad, TALL, TOP, RIGHT)  # x: powers of ten
    parts = [text(LEFT, 22, title, kind="title"), text(LEFT, TOP - 12, f"loss (moving average), {unit}")]
    parts += axes.drawn("learning rate", [(power, f"{10.0**power:g}") for power in range(first, last + 1)])
    parts.append(axes.line([(math.log10(rate), loss) for rate, loss in test.points], "validation"))
    chosen = max(math.log10(test.chosen), first)
    x = axes.x(chosen)
    side, shift = ("end", -6) if x > WIDE / 2 else ("start", 6)
    parts.append(axes.vertical(chosen, "best"))
    parts.append(text(x + shift, TOP + 12, f"chosen: {test.chosen:.2g}", side))
    return svg(title, TALL, "".join(parts))

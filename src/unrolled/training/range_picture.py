"""The curve of a learning rate range test as an SVG file, RUN/lr.svg: loss by rate, the chosen rate marked."""

from __future__ import annotations

import math

from ..results.markup import escaped
from .curve_picture import STYLE, ticks
from .range_test import RangeTest

WIDE, TALL, LEFT, RIGHT, TOP, BOTTOM = 760, 340, 70, 30, 56, 46


def range_svg(test: RangeTest, title: str, unit: str) -> str:
    """Return the picture; ``unit`` is that of the loss."""
    rates, losses = zip(*test.points, strict=True)
    first, last = math.floor(math.log10(rates[0]) + 1e-9), math.ceil(math.log10(rates[-1]) - 1e-9)
    low, high = min(losses), max(losses)
    pad = 0.05 * (high - low or 1.0)
    low, high = low - pad, high + pad

    def x_of(rate: float) -> float:
        return LEFT + (math.log10(rate) - first) / max(1, last - first) * (WIDE - LEFT - RIGHT)

    def y_of(loss: float) -> float:
        return TALL - BOTTOM - (loss - low) / (high - low) * (TALL - TOP - BOTTOM)

    def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "small") -> str:
        return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(content)}</text>'

    parts = [text(LEFT, 22, title, kind="title"), text(LEFT, TOP - 12, f"loss (moving average), {unit}")]
    for y in ticks(low, high, 5):
        parts.append(f'<path class="grid" d="M{LEFT} {y_of(y):.1f}H{WIDE - RIGHT}"/>')
        parts.append(text(LEFT - 8, y_of(y) + 4, f"{y:.10g}", "end"))
    for power in range(first, last + 1):
        x = x_of(10.0**power)
        parts.append(f'<path class="axis" d="M{x:.1f} {TALL - BOTTOM}v5"/>')
        parts.append(text(x, TALL - BOTTOM + 19, f"{10.0**power:g}", "middle"))
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{TALL - BOTTOM}H{WIDE - RIGHT}"/>')
    parts.append(text((LEFT + WIDE - RIGHT) / 2, TALL - 8, "learning rate", "middle"))
    places = "L".join(f"{x_of(rate):.1f} {y_of(loss):.1f}" for rate, loss in test.points)
    parts.append(f'<path class="validation" d="M{places}"/>')
    x = x_of(max(test.chosen, 10.0**first))
    side, shift = ("end", -6) if x > WIDE / 2 else ("start", 6)
    parts.append(f'<path class="best" d="M{x:.1f} {TOP}V{TALL - BOTTOM}"/>')
    parts.append(text(x + shift, TOP + 12, f"chosen: {test.chosen:.2g}", side))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TALL}" width="{WIDE}" height="{TALL}" '
        f'role="img"><title>{escaped(title)}</title><style>{STYLE}</style>{"".join(parts)}</svg>\n'
    )

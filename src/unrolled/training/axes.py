"""Charts as SVG files, light and dark: axes with ticks and grid lines, which map values to pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..results.markup import escaped

WIDE, LEFT, BOTTOM = 760, 70, 46  # pixels of a chart, and beside and below the axes
STYLE = """
svg { background: #fff; font: 13px sans-serif; fill: #222; color: #222 }
.axis { stroke: #777; fill: none } .grid { stroke: #ddd; fill: none } .best { stroke: #222; stroke-dasharray: 4 4 }
.training { stroke: #0072b2; stroke-width: 1.2; fill: none }
.validation { stroke: #d55e00; stroke-width: 2.4; fill: none }
.dot { fill: #d55e00 } .ring { fill: none; stroke: #222; stroke-width: 2 }
text.training { fill: #0072b2; stroke: none } text.validation { fill: #c04f00; stroke: none; font-weight: bold }
.small { font-size: 12px } .title { font-weight: bold; font-size: 14px }
@media (prefers-color-scheme: dark) {
svg { background: #16181c; fill: #ddd; color: #ddd } .axis { stroke: #999 } .grid { stroke: #33373d }
.best, .ring { stroke: #ddd } .training { stroke: #56b4e9 } .validation { stroke: #e69f00 } .dot { fill: #e69f00 }
text.training { fill: #56b4e9 } text.validation { fill: #e69f00 } }
""".strip()


class Axes(NamedTuple):
    """The axes of a chart; values of y outside are drawn at the border.

    first, last   the range of x
    low, high     the range of y
    tall          pixels from top to bottom; ``top`` and ``right`` are those beside the axes
    """

    first: float
    last: float
    low: float
    high: float
    tall: int
    top: int
    right: int

    def x(self, value: float) -> float:
        """Return the pixel of a value of x."""
        return LEFT + (value - self.first) / max(1, self.last - self.first) * (WIDE - LEFT - self.right)

    def y(self, value: float) -> float:
        """Return the pixel of a value of y."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.tall - BOTTOM - share * (self.tall - self.top - BOTTOM)

    def vertical(self, x: float, kind: str) -> str:
        """Return a vertical line at a value of x."""
        return f'<path class="{kind}" d="M{self.x(x):.1f} {self.top}V{self.tall - BOTTOM}"/>'

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> str:
        """Return a line through points."""
        places = "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        return f'<path class="{kind}" d="M{places}"/>'

    def drawn(self, label: str, ticks_of_x: Iterable[tuple[float, str]]) -> list[str]:
        """Return the axes, with the label of x, and its ticks and their labels."""
        end, parts = self.tall - BOTTOM, []
        for y in ticks(self.low, self.high, 5):
            parts.append(f'<path class="grid" d="M{LEFT} {self.y(y):.1f}H{WIDE - self.right}"/>')
            parts.append(text(LEFT - 8, self.y(y) + 4, f"{y:.10g}", "end"))
        for x, name in ticks_of_x:
            parts.append(f'<path class="axis" d="M{self.x(x):.1f} {end}v5"/>')
            parts.append(text(self.x(x), end + 19, name, "middle"))
        parts.append(f'<path class="axis" d="M{LEFT} {self.top}V{end}H{WIDE - self.right}"/>')
        parts.append(text((LEFT + WIDE - self.right) / 2, self.tall - 8, label, "middle"))
        return parts


def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "small") -> str:
    """Return a text at a pixel."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(content)}</text>'


def svg(title: str, tall: int, body: str) -> str:
    """Return the SVG file of a chart with this content."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" width="{WIDE}" height="{tall}" '
        f'role="img"><title>{escaped(title)}</title><style>{STYLE}</style>{body}</svg>\n'
    )


def ticks(low: float, high: float, most: int) -> Iterator[float]:
    """Yield about ``most`` round numbers from ``low`` to ``high``."""
    rough = max((high - low) / most, 1e-12)
    size = 10 ** math.floor(math.log10(rough))
    step = next(n * size for n in (1, 2, 5, 10) if n * size >= rough * 0.999)
    for n in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1):
        yield n * step

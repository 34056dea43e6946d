"""Colours, dashes and markers of all pictures: distinguishable with colour-vision deficiencies, and in grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Okabe and Ito 2008, "Color Universal Design"; without its yellow, which is too light for lines on white
BLUE, VERMILLION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
PURPLE, SKY, BLACK = "#cc79a7", "#56b4e9", "#000000"
INK, GREY, PALE = "#333333", "#767676", "#d9d9d9"  # texts, secondary lines and texts, areas


@dataclass(frozen=True)
class Style:
    """The style of a curve.

    Attributes:
        colour: as ``#rrggbb``.
        dashes: lengths of dashes and gaps in points, as in SVG's ``stroke-dasharray``; empty: a solid line.
        marker: matplotlib's name of the marker.
    """

    colour: str
    dashes: tuple[float, ...] = ()
    marker: str = "o"

    @property
    def line(self) -> dict[str, Any]:
        """Keywords of matplotlib's ``plot``, without the marker."""
        return {"color": self.colour, "linestyle": (0, self.dashes) if self.dashes else "-"}


STYLES = (
    Style(BLUE),
    Style(VERMILLION, (6, 2), "s"),
    Style(GREEN, (6, 2, 1.5, 2), "^"),
    Style(ORANGE, (1.5, 1.5), "D"),
    Style(PURPLE, (10, 3), "v"),
    Style(SKY, (3, 1.5), "P"),
    Style(BLACK, (6, 1.5, 1.5, 1.5, 1.5, 1.5), "X"),
)


def style(number: int) -> Style:
    """Return the style of a picture's curve number 0, 1, …; after seven they repeat."""
    return STYLES[number % len(STYLES)]


def darker(colour: str) -> str:
    """Return a colour ``#rrggbb`` darkened for text on white."""
    return "#" + "".join(f"{int(colour[n : n + 2], 16) * 7 // 10:02x}" for n in (1, 3, 5))

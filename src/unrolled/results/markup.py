"""Results as HTML for a notebook: escaped, without scripts, in the colours of the page around them, light or dark."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import UnrolledError

ROWS = 60  # of a table; a notebook is no place for more
POINTS = 600  # of a curve
CELL = "text-align: {}; padding: .15em .8em .15em 0; white-space: pre-wrap; vertical-align: top"
DIM = "opacity: .65; font-weight: normal"


class Shown:
    """A value that `print`, and IPython in a terminal, show as text; subclasses define ``plain()``."""

    def plain(self) -> str:
        """Return the value as plain text."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.plain()

    def __init_subclass__(cls, **options: Any) -> None:
        """Define ``_repr_pretty_`` in each subclass, which IPython prefers to the ``__repr__`` of a dataclass."""
        super().__init_subclass__(**options)
        cls._repr_pretty_ = Shown._repr_pretty_  # type: ignore[method-assign]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.plain())


def escaped(text: str) -> str:
    """Escape a text for HTML, also for attributes; replace lone surrogates by ``?``."""
    return html.escape(text.encode("utf-8", errors="replace").decode("utf-8"))


def preformatted(text: str) -> str:
    """Return a preformatted text with long lines wrapped."""
    return f'<pre style="white-space: pre-wrap; background: none; color: inherit">{escaped(text)}</pre>'


def dim(lines: Iterable[str]) -> str:
    """Return remarks in pale letters, each on its own line."""
    return "".join(f'<div style="{DIM}">{escaped(line)}</div>' for line in lines)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Return a table of at most `ROWS` rows; columns named in ``right`` are right-aligned."""
    aligned = ["right" if name in right else "left" for name in header]
    body = [_row("td", map(escaped, row), aligned) for row in rows[:ROWS]]
    more = [f"… and {len(rows) - ROWS:,} more rows"] if len(rows) > ROWS else []
    head = _row("th", map(escaped, header), aligned, DIM) if any(header) else ""
    return f'<table style="border-collapse: collapse">{head}{"".join(body)}</table>{dim(more)}'


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of labels and values."""
    return table(("", ""), list(rows))


def curves(columns: Iterable[tuple[str, Sequence[float]]], unit: str) -> str:
    """Return a table with a curve for each column of numbers, scaled to its range."""
    rows = []
    for name, values in columns:
        finite = [value for value in map(float, values) if math.isfinite(value)]
        extent = f"{min(finite):.4g} to {max(finite):.4g} {unit}" if finite else ""
        rows.append(_row("td", (escaped(name), _curve(values, finite), escaped(extent)), ["left"] * 3))
    return f"<table>{''.join(rows)}</table>"


def figure(title: str, content: bytes, kind: str) -> str:
    """Return an embedded picture; as the source of an ``img``, SVG cannot run scripts."""
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return (
        f'<figure style="margin: .5em 0"><img style="max-width: 100%" alt="{escaped(title)}" src="{source}"></figure>'
    )


def part(part: Any) -> str:
    """Return any part of a result; plain text if its class is from another package and has no HTML."""
    title = str(getattr(part, "title", "") or getattr(part, "name", ""))
    for name, kind in (("_repr_png_", "png"), ("_repr_svg_", "svg+xml")):
        if (draw := getattr(part, name, None)) is not None:
            try:
                content = draw()
            except UnrolledError as error:  # such as matplotlib that is not installed
                return preformatted(f"{title}: {error}")
            return figure(title, content if isinstance(content, bytes) else content.encode("utf-8", "replace"), kind)
    own = getattr(part, "_repr_html_", None)
    return own() if own is not None else preformatted(part.plain())


def _row(tag: str, cells: Iterable[str], aligned: Sequence[str], style: str = "") -> str:
    filled = (
        f'<{tag} style="{CELL.format(way)}; {style}">{cell}</{tag}>' for cell, way in zip(cells, aligned, strict=True)
    )
    return f"<tr>{''.join(filled)}</tr>"


def _curve(values: Sequence[float], finite: Sequence[float]) -> str:
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    step = max(1, -(-len(values) // POINTS))
    shown = [float(value) for value in values[::step]]
    points, lines = list[str](), list[list[str]]()
    for at, value in enumerate([*shown, math.nan]):
        if math.isfinite(value):
            share = (value - low) / (high - low) if high > low else 0.5
            points.append(f"{400 * at / max(1, len(shown) - 1):.1f},{38 - 36 * share:.1f}")
        elif points:
            lines.append(points)
            points = []
    drawn = "".join(f'<polyline points="{" ".join(line)}"/>' for line in lines)
    return f'<svg width="400" height="40" fill="none" stroke="currentColor" stroke-width="1.2">{drawn}</svg>'

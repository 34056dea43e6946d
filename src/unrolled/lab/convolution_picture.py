"""Draw a filter sliding over a picture: as SVG with every number, and as a picture of the numbers' sizes (PNG)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..results.palette import GREY, INK
from .convolution import Array, Place

CELL, GAP, HEAD = 40, 46, 30  # of a number, at least; between grids; of a title
CHARACTER = 8  # width of a character of a number
MOST_WHOLE = 10_000_000  # numbers up to here are written in full
SHOWN = 4  # positions of the filter that are drawn

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --dim: #5c5c5c; --line: #9a9a96; --on: #cfe3f5;
  --edge: #0072b2; --out: #fbe3cf; --mark: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181a; --ink: #ececec; --dim: #a4a4a4; --line: #6d6f72;
  --on: #17405f; --edge: #56b4e9; --out: #5a3210; --mark: #ff9a55; } }
text { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; fill: var(--ink); text-anchor: middle; }
.title { font: 13px system-ui, sans-serif; text-anchor: start; } .dim { fill: var(--dim); }
.sign { font: 20px system-ui, sans-serif; } rect.paper { fill: var(--paper); }
rect.cell { fill: none; stroke: var(--line); } rect.on { fill: var(--on); stroke: var(--line); }
rect.result { fill: var(--out); stroke: var(--line); }
rect.edge { fill: none; stroke: var(--edge); stroke-width: 3; }
rect.mark { fill: none; stroke: var(--mark); stroke-width: 3; stroke-dasharray: 6 3; }
"""


class Shown(NamedTuple):
    """A position of the filter over an input ``x (C, n, m)`` with the output ``(n', m')``, to be drawn."""

    title: str
    x: Array
    place: Place
    output: Array


def svg(shown: Sequence[Shown], w: Array, bias: float, stride: int, padding: int) -> str:
    """Return an SVG file: for each position, the input with the filter's place, the filter and the output so far.

    Args:
        shown: the positions.
        w: the filter ``(C, f, g)``.
        bias: b.
        stride: k.
        padding: p.
    """
    parts, top, width = list[str](), 16.0, 0.0
    numbers = [number(float(value)) for _, x, _, output in shown for part in (x, w, output) for value in part.flat]
    cell = max(CELL, 12 + CHARACTER * max(map(len, numbers)))
    for title, x, place, output in shown:
        around = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
        channels, height = len(x), max(around.shape[1], output.shape[0], w.shape[1]) * CELL
        middle = top + HEAD + CELL * w.shape[1] / 2 + 7
        left, sums = 24.0, []
        for c in range(channels):
            name = f"channel {c + 1}" if channels > 1 else title
            inside = (place.row * stride, place.column * stride, *w.shape[1:])
            parts += [
                _text(left, top + 14, name, "title dim"),
                _grid(left, top + HEAD, cell, around[c], inside, padding),
            ]
            left += around.shape[2] * cell + 14
            parts.append(_text(left, middle, "·", "sign"))
            left += 14
            name = f"filter, channel {c + 1}" if channels > 1 else "filter"
            parts += [_text(left, top + 14, name, "title dim"), _grid(left, top + HEAD, cell, w[c])]
            left += w.shape[2] * cell + GAP / 2
            parts.append(_text(left, middle, "+" if c + 1 < channels or bias else "=", "sign"))
            left += GAP / 2
            sums.append(number(float(place.products[c].sum())))
        if bias:
            wide = max(cell, 12 + CHARACTER * len(number(bias)))
            parts += [_text(left, top + 14, "bias", "title dim"), _text(left + wide / 2, middle - 2, number(bias), "")]
            left += wide + GAP / 2
            parts.append(_text(left, middle, "=", "sign"))
            left += GAP / 2
        done = np.full_like(output, np.nan)
        reached = place.row * output.shape[1] + place.column + 1
        done.flat[:reached] = output.flat[:reached]
        parts += [_text(left, top + 14, "output", "title dim"), _output(left, top + HEAD, cell, done, place)]
        sums += [number(bias)] if bias else []
        total = sum_line(sums) if len(sums) > 1 else terms(place)
        line = f"row {place.row + 1}, column {place.column + 1}:  {total} = {number(place.value)}"
        parts.append(_text(24, top + HEAD + height + 24, line, "title"))
        width = max(width, left + output.shape[1] * cell + 24, 40 + 7.4 * len(line))
        top += height + HEAD + 54
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {top:g}" width="{width:g}" '
        f'height="{top:g}" role="img" aria-label="A filter sliding over an input"><style>{STYLE}</style>'
        f'<rect class="paper" width="{width:g}" height="{top:g}"/>{"".join(parts)}</svg>\n'
    )


def terms(place: Place) -> str:
    """Return the products of a position that are not 0, as ``(50·30) + (20·30)``; 0 if there are none."""
    where = np.nonzero(place.products)
    found = [
        f"({number(float(value))}·{number(float(product / value))})"
        for value, product in zip(place.window[where], place.products[where], strict=True)
    ]
    return " + ".join(found) or "0"


def sum_line(values: Sequence[str]) -> str:
    """Return numbers as a sum: ``26 − 1``."""
    text = " + ".join(values)
    return text.replace("+ −", "− ")


def number(value: float) -> str:
    """Return a number as it would be written by hand, with a minus sign."""
    whole = value == round(value) and abs(value) < MOST_WHOLE
    return (f"{value:.0f}" if whole else f"{value:.4g}").replace("-", "−")


def _grid(
    left: float,
    top: float,
    wide: int,
    values: Array,
    inside: tuple[int, int, int, int] | None = None,
    pad: int = 0,
) -> str:
    """Draw numbers in cells ``wide`` pixels wide; those ``inside`` (row, column, height, width) are marked."""
    parts = []
    for (row, column), value in np.ndenumerate(values):
        x, y = left + column * wide, top + row * CELL
        on = inside is not None and 0 <= row - inside[0] < inside[2] and 0 <= column - inside[1] < inside[3]
        outer = pad and not (pad <= row < values.shape[0] - pad and pad <= column < values.shape[1] - pad)
        parts.append(f'<rect class="{"on" if on else "cell"}" x="{x:g}" y="{y:g}" width="{wide}" height="{CELL}"/>')
        parts.append(_text(x + wide / 2, y + CELL / 2 + 5, number(float(value)), "dim" if outer else ""))
    if inside is not None:
        x, y = left + inside[1] * wide, top + inside[0] * CELL
        size = f'width="{inside[3] * wide}" height="{inside[2] * CELL}"'
        parts.append(f'<rect class="edge" x="{x:g}" y="{y:g}" {size}/>')
    return "".join(parts)


def _output(left: float, top: float, wide: int, done: Array, place: Place) -> str:
    """Draw the output that is known so far, with the newest value marked."""
    parts = []
    for (row, column), value in np.ndenumerate(done):
        x, y = left + column * wide, top + row * CELL
        known = np.isfinite(value)
        kind = "result" if known else "cell"
        parts.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{wide}" height="{CELL}"/>')
        if known:
            parts.append(_text(x + wide / 2, y + CELL / 2 + 5, number(float(value)), ""))
    x, y = left + place.column * wide, top + place.row * CELL
    parts.append(f'<rect class="mark" x="{x:g}" y="{y:g}" width="{wide}" height="{CELL}"/>')
    return "".join(parts)


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{text}</text>'


SIDE, RED, BLUE = 220, (197, 58, 42), (43, 108, 176)  # pixels of a panel; positive, negative


class Panel(NamedTuple):
    """An array ``(n, m)`` as a picture: white is 0, red positive, blue negative; or ``grey``, from black to white."""

    title: str
    values: Array
    grey: bool = False


def png(panels: Sequence[Panel]) -> bytes:
    """Return a PNG file of panels side by side, each on its own scale."""
    font = ImageFont.load_default(13)
    canvas = Image.new("RGB", (len(panels) * (SIDE + 16) + 16, SIDE + 70), "white")
    draw = ImageDraw.Draw(canvas)
    for n, (title, values, grey) in enumerate(panels):
        left, top = 16 + n * (SIDE + 16), 36
        share = values[..., None] / (float(np.abs(values).max()) or 1.0)
        colour = np.where(share > 0, np.array(RED), np.array(BLUE))
        shown = 255 * share.repeat(3, 2) if grey else 255 + (colour - 255) * np.abs(share)
        scale = SIDE / max(values.shape)
        size = (max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale)))
        canvas.paste(Image.fromarray(shown.astype(np.uint8)).resize(size, Image.Resampling.NEAREST), (left, top))
        draw.rectangle((left, top, left + size[0] - 1, top + size[1] - 1), outline=GREY)
        draw.text((left, 12), title, INK, font)
        low, high = (f"{value:.4g}" for value in (values.min(), values.max()))
        draw.text((left, top + SIDE + 8), f"{values.shape[0]} × {values.shape[1]}, {low} to {high}", GREY, font)
    canvas.save(out := io.BytesIO(), "PNG")
    return out.getvalue()

"""Draw the computational graph, folded and unrolled, as SVG: values flow up and right, gradients back."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .unroll import Unrolled, number

ROW, HEAD, PAD = 16, 20, 8  # heights of a number and of a title; padding
WIDE, GAP = 150, 46  # a node's width, and the horizontal gap between nodes
UP = 44  # vertical gap between nodes
FOLDED = 190  # width of the folded graph

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --dim: #5c5c5c; --box: #f6f6f4; --line: #9a9a96;
  --back: #b3382c; --good: #1a6e37; --bad: #a3341f; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181a; --ink: #ececec; --dim: #a4a4a4; --box: #212326;
  --line: #6d6f72; --back: #ff9b8e; --good: #7fd49a; --bad: #ff9b8e; } }
text { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; fill: var(--ink); }
.title { font: 13px system-ui, sans-serif; } .dim { fill: var(--dim); } .back { fill: var(--back); }
.good { fill: var(--good); } .bad { fill: var(--bad); }
rect.node { fill: var(--box); stroke: var(--line); } rect.paper { fill: var(--paper); }
path { fill: none; stroke: var(--ink); stroke-width: 1.3; } path.back { stroke: var(--back); stroke-dasharray: 4 3;
  fill: none; }
marker path { fill: var(--ink); stroke: none; } marker.back path { fill: var(--back); stroke-dasharray: none; }
"""
HEADS = "".join(
    f'<marker id="{name}" class="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker>'
    for name in ("on", "back")
)


def picture(unrolled: Unrolled) -> str:
    """Return the text of the SVG file."""
    w = unrolled.weights
    H, I = w.U.shape
    K = len(w.c)
    heights = {"x": _height(I), "h": _height(H), "o": _height(K), "y": _height(K) + ROW}
    tops, bottom = dict[str, float](), 56.0
    for name in ("y", "o", "h", "x"):
        tops[name] = bottom
        bottom += heights[name] + UP
    first = FOLDED + 40
    places = [first + n * (WIDE + GAP) for n in range(unrolled.steps + 1)]  # x of h_0, then of each step
    parts = [_folded(tops, heights), _text(places[0], 24, "unrolled", "title dim")]
    parts.append(
        _text(places[0] + 90, 24, "values, ", "title") + _text(places[0] + 140, 24, "gradients of L", "title back")
    )
    middle = tops["h"] + heights["h"] / 2
    done, errors = unrolled.done, unrolled.errors
    parts.append(_node(places[0], tops["h"], "h₀", done.h[0, 0], errors.h_0[0]))
    for t in range(unrolled.steps):
        at = places[t + 1]
        centre = at + WIDE / 2
        sign = _subscript(t + 1)
        symbol = f" = {_shown(unrolled.symbols[int(unrolled.x[t, 0].argmax())])}" if unrolled.symbols else ""
        parts += [
            _node(at, tops["x"], f"x{sign}{symbol}", unrolled.x[t, 0]),
            _node(at, tops["h"], f"h{sign} = tanh a{sign}", done.h[t + 1, 0], errors.h[t, 0]),
            _node(at, tops["o"], f"o{sign}", unrolled.o[t], errors.o[t, 0]),
            _prediction(at, tops["y"], heights["y"], unrolled, t),
            _arrows(centre, tops["x"], centre, tops["h"] + heights["h"], "U", gradient=False),
            _arrows(centre, tops["h"], centre, tops["o"] + heights["o"], "V"),
            _arrows(centre, tops["o"], centre, tops["y"] + heights["y"], "softmax"),
            _arrows(at - GAP, middle, at, middle, "W"),
        ]
    width, height = places[-1] + WIDE + 20, bottom - UP + 16
    total = _text(places[0], bottom - UP, f"L = {done.loss:.4f}", "title")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="A recurrent network folded and unrolled over {unrolled.steps} steps">'
        f"<style>{STYLE}</style><defs>{HEADS}</defs>"
        f'<rect class="paper" width="{width}" height="{height}"/>{"".join(parts)}{total}</svg>\n'
    )


def _folded(tops: dict[str, float], heights: dict[str, float]) -> str:
    """Draw the folded graph, with a loop."""
    centre, parts = FOLDED / 2 - 20, [_text(20, 24, "folded", "title dim")]
    middles = {name: tops[name] + heights[name] / 2 for name in tops}
    for name, title in (("y", "ŷ"), ("o", "o"), ("h", "h"), ("x", "x")):
        parts.append(f'<rect class="node" x="{centre - 24}" y="{middles[name] - 18}" width="48" height="36" rx="18"/>')
        parts.append(_text(centre, middles[name] + 5, title, "title", "middle"))
    for below, above, label in (("x", "h", "U"), ("h", "o", "V"), ("o", "y", "softmax")):
        parts.append(_arrow(f"M{centre} {middles[below] - 18}V{middles[above] + 18}"))
        parts.append(_text(centre + 8, (middles[below] + middles[above]) / 2 + 4, label, "title"))
    y = middles["h"]
    parts.append(_arrow(f"M{centre + 24} {y - 7}C{centre + 84} {y - 44} {centre + 84} {y + 44} {centre + 25} {y + 8}"))
    parts.append(_text(centre + 74, y + 4, "W", "title"))
    return "".join(parts)


def _node(x: float, y: float, title: str, values: Sequence[float], gradient: Sequence[float] | None = None) -> str:
    """Draw a node: a box with a vector's values, and its gradient beside them."""
    parts = [
        f'<rect class="node" x="{x}" y="{y}" width="{WIDE}" height="{_height(len(values))}" rx="6"/>',
        _text(x + PAD, y + HEAD - 4, title, "title"),
    ]
    for n, value in enumerate(values):
        line = y + HEAD + PAD / 2 + (n + 0.7) * ROW
        parts.append(_text(x + 66, line, number(value), "", "end"))
        if gradient is not None:
            parts.append(_text(x + WIDE - PAD, line, number(gradient[n]), "back", "end"))
    return "".join(parts)


def _prediction(x: float, y: float, height: float, unrolled: Unrolled, t: int) -> str:
    """Draw ŷ_t with the target marked, and the loss."""
    values, target = unrolled.done.y_hat[t, 0], int(unrolled.y[t, 0])
    right = int(values.argmax()) == target
    parts = [
        f'<rect class="node" x="{x}" y="{y}" width="{WIDE}" height="{height}" rx="6"/>',
        _text(x + PAD, y + HEAD - 4, f"ŷ{_subscript(t + 1)}", "title"),
        _text(
            x + WIDE - PAD,
            y + HEAD - 4,
            "✓ right" if right else "✗ wrong",
            f"title {'good' if right else 'bad'}",
            "end",
        ),
    ]
    for n, value in enumerate(values):
        line = y + HEAD + PAD / 2 + (n + 0.7) * ROW
        parts.append(_text(x + 66, line, number(value), "", "end"))
        name = f" {_shown(unrolled.symbols[n])}" if unrolled.symbols else ""
        mark = f"←{name} target" if n == target else name.strip()
        parts.append(_text(x + 74, line, mark, "good" if n == target else "dim"))
    parts.append(_text(x + PAD, y + height - PAD, f"L{_subscript(t + 1)} = {unrolled.losses[t]:.4f}", ""))
    return "".join(parts)


def _arrows(x: float, y: float, to_x: float, to_y: float, label: str, *, gradient: bool = True) -> str:
    """Draw an arrow, and the gradient's arrow back beside it."""
    vertical = x == to_x  # then the two are side by side, else one above the other
    dx, dy = (6.0, 0.0) if vertical else (0.0, -6.0)
    if not gradient:
        dx = dy = 0.0
    parts = [_arrow(f"M{x - dx} {y - dy}L{to_x - dx} {to_y - dy}")]
    if gradient:
        parts.append(_arrow(f"M{to_x + dx} {to_y + dy}L{x + dx} {y + dy}", "back"))
    if vertical:
        parts.append(_text(x - 12, (y + to_y) / 2 + 4, label, "title", "end"))
    else:
        parts.append(_text((x + to_x) / 2, y + 24, label, "title", "middle"))
    return "".join(parts)


def _arrow(path: str, kind: str = "on") -> str:
    return f'<path class="{kind}" d="{path}" marker-end="url(#{kind})"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _height(numbers: int) -> float:
    return HEAD + PAD + numbers * ROW


def _subscript(n: int) -> str:
    """Return a number in Unicode subscript digits."""
    return "".join(chr(0x2080 + int(digit)) for digit in str(n))


def _shown(symbol: str) -> str:
    """Return a visible form of a character."""
    return {" ": "␣", "\n": "↵", "\t": "⇥"}.get(symbol, symbol if symbol.isprintable() else "�")

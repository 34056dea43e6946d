"""The learning curve as an SVG file, RUN/curve.svg: losses by step, the best step marked, light and dark.

Each panel ends where its values are usual: training loss of the first steps, or a validation loss that rises without
end, would flatten everything else; higher values are cut, and the picture says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..results.markup import escaped
from .curve import Curve, Points
from .metrics import Metric

WIDE, TALL, LEFT, RIGHT, TOP, BOTTOM = 760, 300, 70, 110, 40, 46  # of a panel, in pixels
MOST = 600  # points of a line
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
    tall = 24 + TALL * len(panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" width="{WIDE}" height="{tall}" '
        'role="img">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style>"
        f'<text class="title" x="{LEFT}" y="22">{escaped(title)}</text>{body}</svg>\n'
    )


def _panel(label: str, lines: dict[str, Points], best: int, span: tuple[int, int]) -> str:
    if not any(lines.values()):
        return ""
    (first, last), (low, high) = span, _range(lines)
    cut = any(y > high for line in lines.values() for _, y in line)

    def x_of(x: float) -> float:
        return LEFT + (x - first) / max(1, last - first) * (WIDE - LEFT - RIGHT)

    def y_of(y: float) -> float:
        return TALL - BOTTOM - (min(max(y, low), high) - low) / (high - low) * (TALL - TOP - BOTTOM)

    def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "small") -> str:
        return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escaped(content)}</text>'

    parts = [text(LEFT, 20, label + (f" (higher values cut at {high:.3g})" if cut else ""))]
    for y in ticks(low, high, 5):
        parts.append(f'<path class="grid" d="M{LEFT} {y_of(y):.1f}H{WIDE - RIGHT}"/>')
        parts.append(text(LEFT - 8, y_of(y) + 4, f"{y:.10g}", "end"))
    for x in ticks(first, last, 6):
        parts.append(f'<path class="axis" d="M{x_of(x):.1f} {TALL - BOTTOM}v5"/>')
        parts.append(text(x_of(x), TALL - BOTTOM + 19, f"{x:,.0f}", "middle"))
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{TALL - BOTTOM}H{WIDE - RIGHT}"/>')
    parts.append(text((LEFT + WIDE - RIGHT) / 2, TALL - 8, "training step", "middle"))
    ends = sorted((y_of(line[-1][1]), name, x_of(line[-1][0])) for name, line in lines.items() if line)
    for name, line in lines.items():
        places = [f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in _thinned(line)]
        if places:
            parts.append(f'<path class="{name}" d="M{"L".join(places)}"/>')
        if name == "validation" and len(line) <= 60:
            parts += [f'<circle class="dot" cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3.5"/>' for x, y in line]
    below = -math.inf
    for y, name, x in ends:
        below = max(y + 4, below + 16)
        parts.append(text(x + 10, below, name, kind=f"small {name}"))
    for x, y in lines["validation"]:
        if x == best:
            parts.append(f'<path class="best" d="M{x_of(x):.1f} {TOP}V{TALL - BOTTOM}"/>')
            parts.append(f'<circle class="ring" cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="6.5"/>')
            side = "end" if x_of(x) > WIDE / 2 else "start"
            parts.append(text(x_of(x), TOP - 6, f"best: {y:.4g} at step {x:,}", side))
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


def ticks(low: float, high: float, most: int) -> Iterator[float]:
    """Yield about ``most`` round numbers from ``low`` to ``high``."""
    rough = max((high - low) / most, 1e-12)
    size = 10 ** math.floor(math.log10(rough))
    step = next(n * size for n in (1, 2, 5, 10) if n * size >= rough * 0.999)
    for n in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1):
        yield n * step

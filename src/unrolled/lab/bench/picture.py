"""Plot a summary of benchmarks: for each cell and peer the geometric mean of the ratios and their range."""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...analysis.picture import LABEL, open_frame, save_picture
from ...results.palette import GREY, darker, style
from .report import Row

FEW = 4  # lanes up to which a shape is plotted separately
ROOM = 1.4  # factor along the axis that the label of a mean takes
TITLES = {"layers": "layers", "variants": "cell variants, training step", "writing": "generation, one stream"}
PEERS = {"torch": "torch.nn", "jax": "JAX", "plain": "the plain cell", "Python loop": "a Python loop",
         "LSTMCell loop": "a loop over nn.LSTMCell", "Transformer": "a Transformer of as many parameters"}  # fmt: skip
TICKS = (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100)


@dataclass(frozen=True)
class Summary:
    """The ratios of one cell against one peer.

    Attributes:
        label: cell and computation.
        peer: the peer.
        ratios: with more than `FEW` lanes, a ratio for each shape; if there are none, with few lanes.
        few: with few lanes, if ``ratios`` are with more.
    """

    label: str
    peer: str
    ratios: tuple[float, ...]
    few: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """The geometric mean of ``ratios``."""
        return statistics.geometric_mean(self.ratios)


def summaries(rows: Sequence[Row]) -> list[Summary]:
    """Summarise the rows of one group, in their order."""
    several = len({row.what for row in rows}) > 1
    members: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        members.setdefault((f"{row.name}, {row.what}" if several else row.name, row.peer), []).append(row)
    found = []
    for (label, peer), same in members.items():
        many = tuple(row.ratio for row in same if row.shape[1] > FEW)
        few = tuple(row.ratio for row in same if row.shape[1] <= FEW)
        found.append(Summary(label, peer, many or few, few if many else ()))
    return found


def draw(about: dict[str, Any], rows: list[Row], path: Path, note: Callable[[str], None] = print) -> bool:
    """Save the picture, a panel for each group; without matplotlib print a note and return false."""
    if importlib.util.find_spec("matplotlib") is None:
        note("no picture: pip install matplotlib (or unrolled[plot])")
        return False
    from matplotlib.figure import Figure  # without pyplot's global state

    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    panels = {group: summaries(members) for group, members in groups.items()}
    heights = [0.8 + len({summary.label for summary in panel}) for panel in panels.values()]
    figure = Figure(figsize=(9, 1.8 + 0.46 * sum(heights) + 0.5 * len(panels)), layout="constrained")
    axes: Any = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axis, (group, panel) in zip(axes, panels.items(), strict=True):
        _panel(axis, panel)
        axis.set_title(TITLES.get(group, group), loc="left", fontsize=11)
    shapes = dict.fromkeys("×".join(map(str, row.shape)) for row in rows if row.shape[1] > FEW)
    axes[-1].set_xlabel(
        "speed relative to the other implementation: 1 is equal, to the right unrolled is faster\n"
        "filled: geometric mean over shapes, line: their range; hollow: batch sizes up to 4\n"
        f"shapes T×B×H (steps × batch size × hidden units): {', '.join(shapes) or 'one stream'}",
        fontsize=9,
    )
    figure.suptitle(f"{about['processor']}, {about['threads']} threads, {about['date']}", fontsize=10)
    save_picture(figure, path, 110)
    return True


def _panel(axis: Any, panel: Sequence[Summary]) -> None:
    """Draw a row for each label, and in it a line for each peer."""
    labels, peers = (list(dict.fromkeys(getattr(s, name) for s in panel)) for name in ("label", "peer"))
    for number, summary in enumerate(panel):
        curve = style(peers.index(summary.peer))
        present = [peer for peer in peers if any((s.label, s.peer) == (summary.label, peer) for s in panel)]
        y = -labels.index(summary.label) - 0.26 * (present.index(summary.peer) - (len(present) - 1) / 2)
        axis.plot([min(summary.ratios), max(summary.ratios)], [y, y], color=curve.colour, linewidth=1.6)
        axis.plot(summary.few, [y] * len(summary.few), curve.marker, color=curve.colour, fillstyle="none", markersize=5)
        name = PEERS.get(summary.peer, summary.peer)
        first = all(earlier.peer != summary.peer for earlier in panel[:number])
        axis.plot([summary.mean], [y], curve.marker, color=curve.colour, markersize=6.5,
                  label=f"against {name}" if first else None)  # fmt: skip
        left = any(1 < few / max(summary.ratios) < ROOM for few in summary.few)
        place = min(summary.ratios + summary.few) if left else max(summary.ratios)
        axis.annotate(f"{summary.mean:#.2g}".rstrip("."), (place, y), (-7 if left else 7, 0),
                      textcoords="offset points", ha="right" if left else "left", va="center", fontsize=LABEL,
                      color=darker(curve.colour))  # fmt: skip
    ratios = [ratio for summary in panel for ratio in summary.ratios + summary.few]
    axis.set(xscale="log", xlim=(0.82 * min(1, *ratios), 1.3 * max(1, *ratios)), ylim=(0.6 - len(labels), 0.6))
    low, high = axis.get_xlim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_xticks([], minor=True)
    axis.set_yticks([-n for n in range(len(labels))], labels)
    axis.tick_params(axis="y", length=0)
    axis.axvline(1, color=GREY, linewidth=1, zorder=1)
    open_frame(axis)
    axis.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

"""Measure cases, and report rows, JSON and a picture."""

from __future__ import annotations

import importlib
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ...errors import DataError
from ...kernels import extension
from .cases import Case
from .measure import Work, interleave, interval

VERSION = 1  # of the JSON format


@dataclass(frozen=True)
class Row:
    """A case against one peer. Times are in seconds; a ratio above 1 means that unrolled is faster."""

    group: str
    name: str
    what: str
    shape: tuple[int, ...]
    peer: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    limit: float | None
    """our rate as a fraction of the machine's sgemm rate or memory bandwidth, measured in the same turns"""


def sgemm(size: int = 1024) -> tuple[Work, float]:
    """Return a matrix product, and its floating-point operations."""
    a, b, c = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    return lambda: torch.mm(a, b, out=c), 2.0 * size**3


def reading(size: float) -> tuple[Work, float]:
    """Return a function that reads an array of about ``size`` bytes, and its exact size."""
    array = torch.ones(max(1024, int(size) // 4))
    return lambda: array.sum(), 4.0 * array.numel()


def compare(case: Case, turns: int) -> list[Row]:
    """Time a case, its peers, and the machine's limit, in turns: a row for each peer."""
    works = case.make()
    limit: tuple[Work, float] | None = None
    if case.size:
        limit = reading(case.size / case.steps)
    elif case.flops:
        limit = sgemm()
    if limit is not None:
        works["the machine"] = limit[0]
    found = interleave(works, turns)
    ours, share = found["unrolled"], None
    if limit is not None:
        amount = case.size or case.flops
        pairs = zip(found["the machine"].turns, ours.turns, strict=True)
        share = statistics.median(amount / mine / (limit[1] / machine) for machine, mine in pairs)
    rows = []
    for peer in case.peers:
        ratios = found[peer].ratios(ours)
        low, high = interval(ratios)
        rows.append(
            Row(case.group, case.name, case.what, case.shape, peer, ours.median, found[peer].median,
                statistics.median(ratios), low, high, share)
        )  # fmt: skip
    return rows


def machine(turns: int = 9) -> dict[str, Any]:
    """Describe the machine: processor, threads, versions, GFLOP/s of matrix products and GB/s of memory reads."""
    product, operations = sgemm()
    large, amount = reading(256e6)
    found = interleave({"sgemm": product, "reading": large}, turns)
    return {
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "kernels": "none" if extension.missing else extension.instruction_set(),
        "unrolled": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "sgemm_gflops": operations / found["sgemm"].median / 1e9,
        "reading_gbytes": amount / found["reading"].median / 1e9,
    }


def processor() -> str:
    """Return the number of processors and their name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} × {names[0]}" if names else platform.processor() or platform.machine()


def geometric(rows: Iterable[Row]) -> float:
    """Return the geometric mean of the ratios."""
    return statistics.geometric_mean(row.ratio for row in rows)


def to_json(about: dict[str, Any], rows: list[Row]) -> str:
    """Return a measurement as JSON, for `read`."""
    return json.dumps({"version": VERSION, "machine": about, "rows": [asdict(row) for row in rows]}, indent=1)


def read(text: str, where: str) -> tuple[dict[str, Any], list[Row]]:
    """Read the JSON of `to_json`: the machine, and the rows.

    Raises:
        DataError: the text is not valid, or has another version.
    """
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            raise DataError(f"{where} was written by another version of unrolled bench; measure again")
        rows = [Row(**{**row, "shape": tuple(row["shape"])}) for row in found["rows"]]
        return dict(found["machine"]), rows
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where} is not a file of unrolled bench: {error}") from error


def draw(about: dict[str, Any], rows: list[Row], path: Path, note: Callable[[str], None] = print) -> bool:
    """Save a bar chart of ratios with confidence intervals; without matplotlib print a note and return false."""
    try:
        importlib.import_module("matplotlib").use("Agg")
    except ImportError:
        note("no picture: pip install matplotlib (or unrolled[plot])")
        return False
    from matplotlib import pyplot

    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.group, row.peer), []).append(row)
    columns: list[list[tuple[str, list[Row]]]] = [[], []]
    for (group, peer), members in groups.items():  # the second column takes the second half
        placed = sum(len(panel) for _, panel in columns[0])
        columns[bool(columns[1]) or placed >= len(rows) / 2].append((f"{group}: speed relative to {peer}", members))
    columns = [column for column in columns if column]
    height = max(sum(len(panel) + 3 for _, panel in column) for column in columns)
    figure = pyplot.figure(figsize=(7 * len(columns), 0.2 * height + 0.6), layout="constrained")
    parts = figure.subfigures(1, len(columns), squeeze=False)
    for part, column in zip(parts[0], columns, strict=True):
        axes = part.subplots(len(column), 1, height_ratios=[len(panel) + 3 for _, panel in column], squeeze=False)
        for axis, (title, panel) in zip(axes[:, 0], column, strict=True):
            _bars(axis, title, panel)
    figure.suptitle(f"{about['processor']}, {about['threads']} threads, {about['date']}", fontsize=8)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def _bars(axis: Any, title: str, rows: list[Row]) -> None:
    """Plot ratios as bars from 1: to the right faster, to the left slower."""
    places = range(len(rows), 0, -1)
    errors = [[row.ratio - row.low for row in rows], [row.high - row.ratio for row in rows]]
    colours = ["#4c78a8" if row.ratio >= 1 else "#e45756" for row in rows]
    widths = [row.ratio - 1 for row in rows]
    axis.set_xscale("log")
    axis.barh(places, widths, left=1, xerr=errors, color=colours, height=0.7, ecolor="#00000080")
    axis.set_yticks(places, [label(row) for row in rows], fontsize=6)
    axis.axvline(1, color="black", linewidth=0.8)
    lowest, highest = min(0.9, *(row.low for row in rows)), max(1.1, *(row.high for row in rows))
    ticks = [t for t in (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200) if lowest <= t <= highest]
    axis.set_xlim(0.95 * lowest, 1.05 * highest)
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks], fontsize=6)
    axis.set_xticks([], minor=True)
    axis.set_ylim(0.2, len(rows) + 0.8)
    axis.set_title(title, fontsize=8, loc="left")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def label(row: Row) -> str:
    """Return a label such as ``LSTM training step 50×50×128``."""
    return f"{row.name} {row.what} {'×'.join(map(str, row.shape))}"

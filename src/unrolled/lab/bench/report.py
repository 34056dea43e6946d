"""Measure cases, and report rows and JSON."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Iterable
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

"""Benchmarks of the layers: cases, peers, interleaved measurement, table and picture."""

from .cases import GROUPS, Case, all_cases
from .measure import Timing, interleave, interval
from .picture import draw
from .report import Row, compare, machine, processor, read, to_json

__all__ = [
    "GROUPS",
    "Case",
    "Row",
    "Timing",
    "all_cases",
    "compare",
    "draw",
    "interleave",
    "interval",
    "machine",
    "processor",
    "read",
    "to_json",
]

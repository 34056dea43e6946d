"""Interleaved timing: the functions take turns, so that the machine's noise affects all alike."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Work = Callable[[], object]

LONG = 0.2  # seconds above which a function needs no warm-up call in each turn
TURN_SECONDS = 0.03  # a turn repeats a short function for about this long


@dataclass(frozen=True)
class Timing:
    """Seconds per call, for each turn."""

    turns: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median in seconds."""
        return statistics.median(self.turns)

    def ratios(self, ours: Timing) -> list[float]:
        """Return the time relative to ``ours``, for each turn."""
        return [theirs / mine for theirs, mine in zip(self.turns, ours.turns, strict=True)]


def interleave(works: Mapping[str, Work], turns: int) -> dict[str, Timing]:
    """Time all functions in turns, in rotating order; short functions get an untimed warm-up call before each turn."""
    calls = {}
    for name, work in works.items():
        work()
        once = _seconds(work, 1)
        calls[name] = max(1, round(TURN_SECONDS / max(once, 1e-7))) if once < LONG else 0
    names, found = list(works), {name: [0.0] * turns for name in works}
    for turn in range(turns):
        for place in range(len(names)):
            name = names[(place + turn) % len(names)]
            if calls[name]:
                works[name]()
            found[name][turn] = _seconds(works[name], calls[name] or 1)
    return {name: Timing(tuple(seconds)) for name, seconds in found.items()}


def _seconds(work: Work, calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - begin) / calls


def interval(values: Sequence[float], rounds: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap confidence interval of the median."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(rounds))
    return medians[int(0.025 * rounds)], medians[int(0.975 * rounds)]

"""Interleaved measurement: everybody takes turns, so that the machine's noise falls on all alike."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Work = Callable[[], object]

LONG = 0.2  # seconds of a work that needs no call before it in each turn
TURN_SECONDS = 0.03  # a turn repeats a short work until it has taken about so long


@dataclass(frozen=True)
class Timing:
    """Seconds of one call, one number for each turn."""

    turns: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.turns)

    def ratios(self, ours: Timing) -> list[float]:
        """How many times as long as ``ours``, turn by turn."""
        return [theirs / mine for theirs, mine in zip(self.turns, ours.turns, strict=True)]


def interleave(works: Mapping[str, Work], turns: int) -> dict[str, Timing]:
    """Run all works in turns, each time beginning with another; a short work has a call before that is not counted."""
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
    """The 95 % bootstrap interval of the median."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(rounds))
    return medians[int(0.025 * rounds)], medians[int(0.975 * rounds)]

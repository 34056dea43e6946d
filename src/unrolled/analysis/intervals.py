"""Intervals of 95 % for metrics of a test part: how far the figure of a small sample may be from that of all data.

A fraction k/n has the interval of Wilson (1927), which is also valid near 0 and 1:

    (k + z²/2 ± z √(k (n − k)/n + z²/4)) / (n + z²),    z = 1.96

Other metrics have the percentiles of a `bootstrap` over the examples (Efron 1979).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]

Z = 1.959964  # 97.5th percentile of the normal distribution
LOW, HIGH = 2.5, 97.5  # percentiles


def wilson(right: int, count: int) -> Interval:
    """Return the interval of the fraction ``right / count``.

    >>> [round(bound, 3) for bound in wilson(9, 10)]
    [0.596, 0.982]
    """
    centre = right + Z * Z / 2
    half = Z * math.sqrt(right * (count - right) / count + Z * Z / 4)
    return max(0.0, (centre - half) / (count + Z * Z)), min(1.0, (centre + half) / (count + Z * Z))


def percentiles(draws: npt.NDArray[np.float64]) -> Interval | None:
    """Return the interval of a metric from its values ``(R,)`` on resampled examples.

    `None` if all values are the same, as without a mistake: the examples then do not show how far the metric may vary.
    """
    low, high = np.percentile(draws, (LOW, HIGH))
    return None if low == high else (float(low), float(high))


def known(intervals: Mapping[str, Interval | None]) -> dict[str, Interval]:
    """Return the intervals that are not `None`."""
    return {name: interval for name, interval in intervals.items() if interval is not None}


def as_json(intervals: Mapping[str, Interval]) -> dict[str, list[float]]:
    """Return intervals by metric as plain data."""
    return {name: list(interval) for name, interval in intervals.items()}


def with_interval(text: str, interval: Interval | None, form: str) -> str:
    """Return the text of a figure with its interval: ``0.9000  (95 % interval 0.5958 to 0.9821)``."""
    if interval is None:
        return text
    low, high = (f"{bound:{form}}" for bound in interval)
    return f"{text}  (95 % interval {low} to {high})"

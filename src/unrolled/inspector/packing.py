"""Values as bytes, and the scale of colours they are on: what both kinds of page draw."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from .scores import Numbers

EDGE = 0.005  # share of the values beyond either end of the scale of colours


def levels(values: Numbers, low: Any, high: Any) -> npt.NDArray[np.uint8]:
    """A byte each: 0 for none, 1 to 255 from the low end of the scale to the high one."""
    level = np.rint((np.nan_to_num(values) - low) / (high - low) * 254) + 1
    return np.where(np.isnan(values), 0, np.clip(level, 1, 255)).astype(np.uint8)


def scale(values: Numbers) -> tuple[float, float]:
    """The values that are wholly blue and wholly red; white is half way: 0, for values of both signs."""
    some = values[np.isfinite(values)]
    if not len(some):
        return -1.0, 1.0
    if some.min() < 0:
        return even(some)
    low, high = float(np.quantile(some, EDGE)), float(np.quantile(some, 1 - EDGE))
    return low, max(high, low + 1e-3)


def even(values: Numbers) -> tuple[float, float]:
    """A scale whose middle is 0."""
    some = np.abs(values[np.isfinite(values)])
    most = max(float(np.quantile(some, 1 - 2 * EDGE)), 1e-3) if len(some) else 1.0
    return -most, most


def in_base64(array: npt.NDArray[Any]) -> str:
    """An array's bytes as text."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()

"""Quantize unit values to bytes on a colour scale, for the static and the live page."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from .scores import Numbers

EDGE = 0.005  # share of the values that are clipped at either end of the colour scale
LOPSIDED, NARROWEST = 4.0, 1e-3


def levels(values: Numbers, low: Any, high: Any) -> npt.NDArray[np.uint8]:
    """Return one byte per value: 1 to 255 from ``low`` to ``high``, 0 for nan."""
    level = np.rint((np.nan_to_num(values) - low) / (high - low) * 254) + 1
    return np.where(np.isnan(values), 0, np.clip(level, 1, 255)).astype(np.uint8)


def scale(values: Numbers) -> tuple[float, float]:
    """Return the values at the blue and the red end of a unit's own colour scale; white is the middle.

    The scale spans 99 % of the values. It is symmetric around 0 if the values lie on both sides of it, unless one side
    reaches more than `LOPSIDED` times as far as the other, which would leave most of the other colour unused.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return -1.0, 1.0
    low, high = (float(edge) for edge in np.quantile(finite, (EDGE, 1 - EDGE)))
    if low < 0 < high and max(-low, high) <= LOPSIDED * min(-low, high):
        return symmetric_scale(finite)
    return low, max(high, low + NARROWEST)


def symmetric_scale(values: Numbers) -> tuple[float, float]:
    """Return a symmetric scale around 0."""
    magnitudes = np.abs(values[np.isfinite(values)])
    limit = max(float(np.quantile(magnitudes, 1 - 2 * EDGE)), NARROWEST) if len(magnitudes) else 1.0
    return -limit, limit


def in_base64(array: npt.NDArray[Any]) -> str:
    """Return the array's bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()

"""Quantize unit values to bytes on a colour scale, for the static and the live page."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from .scores import Numbers

EDGE = 0.005  # share of the values that are clipped at either end of the colour scale


def levels(values: Numbers, low: Any, high: Any) -> npt.NDArray[np.uint8]:
    """Return one byte per value: 1 to 255 from ``low`` to ``high``, 0 for nan."""
    level = np.rint((np.nan_to_num(values) - low) / (high - low) * 254) + 1
    return np.where(np.isnan(values), 0, np.clip(level, 1, 255)).astype(np.uint8)


def scale(values: Numbers) -> tuple[float, float]:
    """Return the values at the blue and the red end of the colour scale; with values of both signs, white is 0."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return -1.0, 1.0
    if finite.min() < 0:
        return symmetric_scale(finite)
    low, high = float(np.quantile(finite, EDGE)), float(np.quantile(finite, 1 - EDGE))
    return low, max(high, low + 1e-3)


def symmetric_scale(values: Numbers) -> tuple[float, float]:
    """Return a symmetric scale around 0."""
    magnitudes = np.abs(values[np.isfinite(values)])
    limit = max(float(np.quantile(magnitudes, 1 - 2 * EDGE)), 1e-3) if len(magnitudes) else 1.0
    return -limit, limit


def in_base64(array: npt.NDArray[Any]) -> str:
    """Return the array's bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()

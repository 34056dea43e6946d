"""Formatting of durations."""

from __future__ import annotations

import math


def clock(seconds: float) -> str:
    """Return ``1:02:03`` or ``2:03``; – if not finite."""
    if not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

"""Metrics of the memory problems."""

from __future__ import annotations

from ...training.metrics import ACCURACY, LOSS, Metric

METRICS = (
    LOSS,
    Metric("mse", "mean squared error", ".5f"),
    Metric("close", "within 0.04", ".1%", larger_is_better=True),
    ACCURACY,
    Metric("bits_per_symbol", "bits per symbol"),
    Metric("right", "sequences right", ".1%", larger_is_better=True),
)

"""Intervals against published values, and against repeated sampling."""

import numpy as np
import pytest

from unrolled.analysis.bootstrap import resampled, resampled_sums
from unrolled.analysis.intervals import percentiles, wilson, with_interval


@pytest.mark.parametrize(
    ("right", "count", "expected"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson(right, count, expected):
    assert wilson(right, count) == pytest.approx(expected, abs=5e-5)
    low, high = wilson(count - right, count)
    assert (1 - high, 1 - low) == pytest.approx(expected, abs=5e-5)


def test_resampled_sums_in_portions_are_the_same(monkeypatch):
    values = np.random.default_rng(0).normal(size=(30, 2))
    whole = resampled_sums(values, draws=100)
    monkeypatch.setattr("unrolled.analysis.bootstrap.AT_ONCE", 300)
    np.testing.assert_allclose(resampled_sums(values, draws=100), whole, rtol=1e-12)
    ones = np.ones((30, 2), dtype=np.int64)
    np.testing.assert_allclose(resampled(values, ones, draws=100), whole / 30, rtol=1e-12)


def test_bootstrap_of_a_fraction_is_near_wilson():
    right = np.r_[np.ones((160, 1)), np.zeros((40, 1))]
    low, high = percentiles(resampled_sums(right)[:, 0] / 200)
    assert (low, high) == pytest.approx(wilson(160, 200), abs=0.01)


def test_no_interval_without_a_mistake():
    assert percentiles(np.ones(100)) is None


def test_text():
    assert with_interval("0.50", (0.25, 0.75), ".2f") == "0.50  (95 % interval 0.25 to 0.75)"
    assert with_interval("0.50", None, ".2f") == "0.50"

"""Resampling against the exact signal and its definition; streams give what whole recordings give."""

import math

import numpy as np
import pytest

from unrolled.data.resampling import Resampler, resampled


def signal(rate, hertz=(440, 3000)):
    t = np.arange(rate // 4) / rate
    return sum(np.sin(2 * np.pi * f * t + n) for n, f in enumerate(hertz)).astype(np.float32)


@pytest.mark.parametrize(("rate", "to"), [(44_100, 16_000), (8_000, 16_000), (48_000, 8_000), (11_025, 8_000)])
def test_the_signal_is_kept(rate, to):
    found = resampled(signal(rate), rate, to)
    assert len(found) == -(-(rate // 4) * to // rate)
    exact = signal(to)[: len(found)]
    middle = slice(len(exact) // 8, -len(exact) // 8)
    np.testing.assert_allclose(found[middle], exact[middle], atol=1e-4)


def test_frequencies_above_the_new_band_are_removed():
    assert np.abs(resampled(signal(16_000, (4_300,)), 16_000, 8_000)[200:-200]).max() < 1e-3


@pytest.mark.parametrize(("rate", "to"), [(8_000, 11_025), (44_100, 16_000)])
def test_the_definition(rate, to):
    """The equation of the module, one output after the other, in float64."""
    x = signal(rate)[:300]
    c = 0.95 * min(1, to / rate)
    width = math.ceil(24 / c)
    found = resampled(x, rate, to)
    for n in range(0, len(found), 7):
        t = n * rate / to - np.arange(len(x))
        t, near = t[np.abs(t) < width], x[np.abs(t) < width]
        window = np.i0(9 * np.sqrt(1 - (t / width) ** 2)) / np.i0(9)
        assert found[n] == pytest.approx((near * c * np.sinc(c * t) * window).sum(), abs=1e-5)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_a_stream(block):
    x = signal(11_025)
    x = x[:400] if block == 1 else x
    stream = Resampler(11_025, 8_000)
    found = [stream.push(x[at : at + block]) for at in range(0, len(x), block)]
    np.testing.assert_allclose(np.concatenate([*found, stream.end()]), resampled(x, 11_025, 8_000), atol=1e-6)


def test_equal_rates_change_nothing():
    x = signal(8_000)
    np.testing.assert_array_equal(resampled(x, 8_000, 8_000), x)

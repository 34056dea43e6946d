"""The counter-based generator: its published values, its formula, and that it looks uniform."""

import numpy as np
import pytest

from unrolled.data.counter import hash64, uniform

MASK = (1 << 64) - 1


def splitmix(seed: int, *counters: int) -> int:
    """The formula of the module's docstring in Python integers."""
    h = seed & MASK
    for c in counters:
        z = (h + (c + 1) * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        h = z ^ (z >> 31)
    return h


def test_the_published_outputs_for_seed_0():
    outputs = [int(hash64(0, i)) for i in range(3)]
    assert outputs == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@pytest.mark.parametrize("key", [(0, 0), (7, 3, 5), (-1, 0, 2**63), (123456789, 2**64 - 1, 4, 4)])
def test_the_documented_formula(key):
    assert int(hash64(*key)) == splitmix(*key)
    assert float(uniform(*key)) == (splitmix(*key) >> 11) / 2**53


def test_arrays_broadcast_and_agree_with_single_numbers():
    lanes = np.arange(5)
    together = uniform(3, 11, lanes)
    assert together.shape == (5,)
    assert together.tolist() == [float(uniform(3, 11, int(lane))) for lane in lanes]
    assert uniform(3, np.arange(4)[:, None], lanes).shape == (4, 5)


def test_uniform_over_windows_and_lanes():
    u = uniform(0, np.arange(300)[:, None], np.arange(100))
    assert u.min() >= 0
    assert u.max() < 1
    assert abs(u.mean() - 0.5) < 0.01
    counts = np.histogram(u, bins=20, range=(0, 1))[0]
    assert np.abs(counts - u.size / 20).max() < 6 * np.sqrt(u.size / 20)
    assert abs(np.corrcoef(u[:-1].ravel(), u[1:].ravel())[0, 1]) < 0.03

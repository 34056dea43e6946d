"""Random windows: each pass is covered once, lengths have the published distribution, and only the number decides."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import LaneStream, Split
from unrolled.data.cuts import Cuts
from unrolled.errors import ArgumentError


@given(
    steps=st.integers(1, 300), bptt=st.integers(2, 60), random=st.sampled_from(["none", "merity", "unbiased"]),
    seed=st.integers(0, 99),
)  # fmt: skip
@settings(deadline=None)
def test_passes_are_covered_and_a_number_decides_alone(steps, bptt, random, seed):
    forward, backward = Cuts(steps, bptt, random, seed), Cuts(steps, bptt, random, seed)
    windows = [forward.window(n) for n in range(60)]
    assert [backward.window(n) for n in reversed(range(60))] == windows[::-1]
    at = 0
    for begin, end in windows:
        assert begin == at % steps
        assert begin < end <= steps
        at = end
    if random == "unbiased":
        assert all(end % forward.segment == 0 or end == steps for _, end in windows)


def lengths(random, bptt, count=4000):
    cuts = Cuts(10**6, bptt, random, seed=1)
    return np.array([np.diff(cuts.window(n))[0] for n in range(count)])


def test_lengths_around_bptt():
    found = lengths("merity", 64)
    assert 0.03 < (found < 48).mean() < 0.07
    assert found[found >= 48].mean() == pytest.approx(63.5, abs=0.5)  # rounded down
    assert found[found >= 48].std() == pytest.approx(5, abs=0.3)
    assert found[found < 48].mean() == pytest.approx(31.5, abs=1.5)
    assert lengths("merity", 3).min() == 3


def test_geometric_lengths():
    found = lengths("unbiased", 60)
    assert found.mean() == pytest.approx(60, rel=0.05)
    assert set(found % 15) == {0}
    for i in (1, 2, 5):
        assert (found == 15 * i).mean() == pytest.approx(0.25 * 0.75 ** (i - 1), abs=0.02)


@pytest.mark.parametrize("random", ["merity", "unbiased"])
@pytest.mark.parametrize(("steps", "bptt"), [(1000, 20), (997, 33), (60, 50)])
def test_windows_of_a_pass_in_the_mean(random, steps, bptt):
    counts = [len(Cuts(steps, bptt, random, seed)._ends(3)) for seed in range(600)]
    room = 4 * np.std(counts) / math.sqrt(len(counts)) + 1e-9
    assert Cuts(steps, bptt, random).per_pass == pytest.approx(np.mean(counts), abs=room)


def test_streams_and_passes_differ():
    ends = {seed: {number: tuple(Cuts(500, 20, "merity", seed)._ends(number)) for number in (0, 1)} for seed in (0, 1)}
    assert len({ends[seed][number] for seed, number in product((0, 1), (0, 1))}) == 4


def test_the_windows_of_a_stream():
    split = Split(np.arange(2001, dtype=np.uint16), np.array([0]), 2001, 0)
    stream = LaneStream(split, 4, 20, bptt_random="unbiased")
    windows = []
    while not windows or windows[-1].inputs[-1, 0] < 499:
        windows.append(stream.window(len(windows)))
    assert torch.equal(torch.cat([one.inputs for one in windows]), torch.arange(2000).view(4, 500).t())
    assert [one.new_pass for one in windows] == [True] + [False] * (len(windows) - 1)
    assert stream.window(len(windows)).new_pass
    assert len({len(one.inputs) for one in windows}) > 3


def test_one_step_is_too_few():
    with pytest.raises(ArgumentError, match="at least 2"):
        Cuts(10, 1, "unbiased")

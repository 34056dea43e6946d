"""Episodes in lanes and windows: nothing is lost, nothing depends on what was asked before."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from unrolled.data.episodes import EpisodeStream
from unrolled.data.generated_copies import Copies
from unrolled.data.generated_sums import Sums
from unrolled.errors import ArgumentError

FIELDS = ("inputs", "targets", "where", "resets")


def together(stream, windows):
    """Windows one after the other as one."""
    parts = [stream.batch(n) for n in range(windows)]
    return {name: torch.cat([getattr(part, name) for part in parts]) for name in FIELDS}


@pytest.mark.parametrize("bptt", [1, 3, 50])
def test_windows_of_any_length_are_the_same_lanes(bptt):
    episodes = Copies(6, seed=3, shortest=2)
    long = together(EpisodeStream(episodes, 4, 150), 1)
    short = together(EpisodeStream(episodes, 4, bptt), 150 // bptt)
    for name in FIELDS:
        torch.testing.assert_close(short[name], long[name], rtol=0, atol=0)


def test_a_window_is_a_function_of_its_number():
    episodes = Copies(6, seed=3, shortest=1, repeats=3)
    before = EpisodeStream(episodes, 5, 7)
    passed = [before.batch(n) for n in range(300)]
    for n in (299, 0, 137, 138, 20):
        again = EpisodeStream(episodes, 5, 7).batch(n)
        for name in FIELDS:
            assert torch.equal(getattr(again, name), getattr(passed[n], name)), (n, name)
        assert torch.equal(before.batch(n).inputs, passed[n].inputs)


def test_lanes_hold_whole_episodes_one_after_the_other():
    episodes = Copies(4, seed=0, shortest=1)
    lanes = together(EpisodeStream(episodes, 3, 200), 1)
    for b in range(3):
        begins = np.flatnonzero(lanes["resets"][:, b].numpy())
        assert begins[0] == 0
        assert not lanes["where"][: begins[1], b].any()  # cut off: its beginning was never seen
        for number, (begin, end) in enumerate(pairwise(begins[1:])):
            made = episodes.make(np.array([b]), np.array([number]))
            assert end - begin == made.lengths[0]
            for name in ("inputs", "targets", "where"):
                np.testing.assert_array_equal(lanes[name][begin:end, b].numpy(), getattr(made, name)[:, 0])


def test_lanes_begin_at_different_places():
    resets = together(EpisodeStream(Sums(40, 0), 16, 40), 2)["resets"]
    assert len({tuple(column) for column in resets[1:].T.tolist()}) > 10


@pytest.mark.parametrize("episodes", [Sums(20, 1), Copies(6, 1, 2), Copies(4, 1, 1, repeats=3)])
def test_windows_have_as_many_targets_as_expected(episodes):
    stream = EpisodeStream(episodes, 64, 10)
    parts = [stream.batch(n) for n in range(40, 140)]
    found = sum(int(part.where.sum()) for part in parts)
    assert found == pytest.approx(sum(part.expected for part in parts), rel=0.05)


def test_whole_episodes_are_the_lanes_episodes():
    episodes = Copies(5, seed=2, shortest=1)
    batch = EpisodeStream(episodes, 8).batch(3)
    made = episodes.make(np.arange(8), np.full(8, 3))
    np.testing.assert_array_equal(batch.inputs.numpy(), made.inputs)
    assert batch.resets[0].all()
    assert not batch.resets[1:].any()
    assert batch.expected == made.where.sum()
    assert EpisodeStream(episodes, 8).per_pass == 1250


def test_sizes_are_checked():
    with pytest.raises(ArgumentError, match="batch_size"):
        EpisodeStream(Sums(5, 0), 0)
    with pytest.raises(ArgumentError, match="bptt"):
        EpisodeStream(Sums(5, 0), 1, -1)

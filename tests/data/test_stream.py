"""Windows: lanes cover the text, resets are where documents begin, everything counts exactly once."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import LaneStream, Split, fresh, sequential
from unrolled.data.counter import uniform
from unrolled.errors import ArgumentError, DataError


def split_of(n, starts=()):
    """Tokens that are their own positions."""
    return Split(np.arange(n, dtype=np.uint16), np.array(sorted(starts), dtype=np.int64), n, 0)


splits = st.integers(2, 120).flatmap(
    lambda n: st.builds(split_of, st.just(n), st.sets(st.integers(0, n - 1), max_size=8))
)


def same(a, b):
    return all(torch.equal(getattr(a, f), getattr(b, f)) for f in ("inputs", "targets", "resets", "counted"))


@given(split=splits, batch=st.integers(1, 5), bptt=st.integers(1, 9))
@settings(deadline=None)
def test_a_pass_covers_the_text_exactly(split, batch, bptt):
    if (len(split) - 1) // batch < bptt:
        with pytest.raises(DataError, match="shorter than one window"):
            LaneStream(split, batch, bptt)
        return
    stream = LaneStream(split, batch, bptt)
    windows = [stream.window(i) for i in range(stream.windows_per_pass)]
    inputs = torch.cat([w.inputs for w in windows])  # (W, B)
    width = (len(split) - 1) // batch
    assert torch.equal(inputs, torch.arange(batch * width).view(batch, width).t())
    assert torch.equal(torch.cat([w.targets for w in windows]), inputs + 1)
    assert stream.dropped == len(split) - 1 - inputs.numel() < batch
    assert all(len(w.inputs) == bptt for w in windows[:-1])
    resets = torch.cat([w.resets for w in windows])
    expected = torch.isin(inputs, torch.from_numpy(split.starts))
    expected[0] = True
    assert torch.equal(resets, expected)
    assert [w.new_pass for w in windows] == [True] + [False] * (len(windows) - 1)
    assert windows[0].inputs.dtype == windows[0].targets.dtype == torch.int64
    assert all(bool(w.counted.all()) and w.counted.shape == w.inputs.shape for w in windows)


def test_a_window_depends_on_its_index_alone():
    split = split_of(1000, {0, 70, 333})
    one, other = (LaneStream(split, 7, 13, random_reset=0.3, seed=5) for _ in range(2))
    forward = [one.window(i) for i in range(60)]
    torch.manual_seed(1)
    np.random.seed(1)
    for i in reversed(range(60)):
        window = other.window(i)
        assert same(window, forward[i])
        assert (window.index, window.new_pass) == (i, i % one.windows_per_pass == 0)


def test_random_resets_are_drawn_from_seed_index_and_lane():
    split = split_of(4001)
    resets = np.stack([LaneStream(split, 40, 1, random_reset=0.25, seed=9).window(i).resets[0] for i in range(1, 99)])
    expected = uniform(9, np.arange(1, 99)[:, None], np.arange(40)) < 0.25
    assert np.array_equal(resets, expected)
    assert 0.2 < resets.mean() < 0.3
    passes = [LaneStream(split, 40, 10, random_reset=0.25).window(i).resets for i in (3, 13)]
    assert not torch.equal(*passes)  # the second pass draws anew
    assert not any(p[1:].any() for p in passes)


@given(split=splits, window=st.integers(1, 130), lanes=st.integers(1, 9), warmup=st.integers(0, 30))
@settings(deadline=None)
def test_sequential_counts_every_token_once_and_carries_its_context(split, window, lanes, warmup):
    windows = list(sequential(split, window, lanes, warmup))
    inputs, targets, resets, counted = (
        torch.cat([getattr(w, f) for w in windows]) for f in ("inputs", "targets", "resets", "counted")
    )
    assert Counter(targets[counted].tolist()) == Counter(range(1, len(split)))
    assert torch.equal(targets[counted], inputs[counted] + 1)
    assert all(len(w.inputs) <= window for w in windows)
    assert [w.index for w in windows] == list(range(len(windows)))
    for lane in range(inputs.shape[1]):
        at = torch.nonzero(counted[:, lane]).flatten()
        assert torch.equal(at, torch.arange(int(at[0]), int(at[-1]) + 1))
        first = int(inputs[at[0], lane])
        assert int(at[0]) == min(warmup, first)  # so much context runs before what counts
        run = inputs[: int(at[-1]) + 1, lane]
        assert torch.equal(run, torch.arange(int(run[0]), int(run[0]) + len(run)))
        expected = torch.isin(run, torch.from_numpy(split.starts))
        expected[0] = True
        assert torch.equal(resets[: len(run), lane], expected)


def test_one_lane_is_the_text_in_order():
    windows = list(sequential(split_of(10, {0, 6}), 4))
    assert [w.inputs.flatten().tolist() for w in windows] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert [w.resets.flatten().tolist() for w in windows] == [
        [True, False, False, False],
        [False, False, True, False],
        [False],
    ]
    assert all(bool(w.counted.all()) for w in windows)


@given(split=splits, length=st.integers(1, 130), batch=st.integers(1, 5))
@settings(deadline=None)
def test_fresh_windows_count_every_token_once(split, length, batch):
    windows = list(fresh(split, length, batch))
    counted = [token for w in windows for token in w.targets[w.counted].tolist()]
    assert Counter(counted) == Counter(range(1, len(split)))
    for w in windows:
        assert bool(w.resets[0].all())
        assert w.inputs.shape[0] <= length
        assert w.inputs.shape[1] <= batch
        assert bool((w.inputs[0] % length == 0).all())
        starts = torch.isin(w.inputs, torch.from_numpy(split.starts))
        assert torch.equal(w.resets[1:] & w.counted[1:], starts[1:] & w.counted[1:])


def test_too_little_text_says_what_would_do():
    with pytest.raises(
        DataError, match=r"100 tokens to train on, but 32 lanes of 50 steps need 1601; use --batch-size 1 "
    ):
        LaneStream(split_of(100), 32, 50)
    with pytest.raises(DataError, match=r"use --batch-size 1 and --bptt 9 or less"):
        LaneStream(split_of(10), 1, 50)
    for n in (0, 1):
        with pytest.raises(DataError, match="give more text"):
            LaneStream(split_of(n), 1, 1)
        with pytest.raises(DataError, match="too short to evaluate"):
            next(sequential(split_of(n), 5))
        with pytest.raises(DataError, match="too short to evaluate"):
            next(fresh(split_of(n), 5))
    LaneStream(split_of(101), 2, 50)  # the remedy works


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"bptt": 0}, {"random_reset": -0.1}, {"random_reset": 1.5}, {"bptt": -3}]
)
def test_wrong_options(options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        LaneStream(split_of(100), **({"batch_size": 2, "bptt": 5} | options))


def test_memory_mapped_tokens_are_read_a_window_at_a_time(tmp_path):
    tokens = np.arange(5000, dtype=np.uint16)
    tokens.tofile(tmp_path / "tokens")
    mapped = np.memmap(tmp_path / "tokens", dtype=np.uint16, mode="r")
    starts = np.array([0, 1234], dtype=np.int64)
    a = LaneStream(Split(mapped, starts, 5000, 0), 8, 32)
    b = LaneStream(Split(tokens, starts, 5000, 0), 8, 32)
    assert all(same(a.window(i), b.window(i)) for i in range(a.windows_per_pass))
    assert a.window(0).inputs.data_ptr() != a.window(0).inputs.data_ptr()  # a copy: nothing keeps or alters the map

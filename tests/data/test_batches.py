"""Batches of like length: each example once a pass, the same ones for the same seed, little padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data.batches import Batches, in_order, pad
from unrolled.errors import ArgumentError

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 20), st.integers(0, 5))
def test_every_pass_has_each_example_once(lengths, batch_size, seed):
    batches = Batches(lengths, batch_size, seed)
    for epoch in range(2):
        steps = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
        found = [batches[step] for step in steps]
        assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))
        assert max(map(len, found)) <= batch_size


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 20), st.integers(0, 5), st.integers(0, 100))
def test_a_batch_depends_on_seed_and_step_alone(lengths, batch_size, seed, step):
    one, other = Batches(lengths, batch_size, seed), Batches(lengths, batch_size, seed)
    other[0]
    assert one[step].tolist() == other[step].tolist()


def test_passes_and_seeds_differ():
    lengths = [5] * 64
    batches = Batches(lengths, 8, 0)
    first = [set(batches[step].tolist()) for step in range(8)]
    assert first != [set(batches[step].tolist()) for step in range(8, 16)]
    assert first != [set(Batches(lengths, 8, 1)[step].tolist()) for step in range(8)]


def test_a_fifth_at_most_is_padding():
    lengths = np.random.default_rng(0).integers(3, 60, 5000).tolist()
    batches = Batches(lengths, 32, 0)
    chosen = [[lengths[i] for i in batches[step]] for step in range(batches.per_epoch)]
    padded = sum(max(batch) * len(batch) for batch in chosen)
    assert sum(lengths) / padded > 0.93
    assert sum(lengths) / (32 * sum(max(lengths[at : at + 32]) for at in range(0, 5000, 32))) < 0.6  # in file order


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 20), st.integers(1, 400))
def test_in_order_has_each_once_within_the_bound(lengths, batch_size, tokens):
    found = list(in_order(lengths, batch_size, tokens))
    assert sorted(np.concatenate(found).tolist()) == list(range(len(lengths)))
    assert [lengths[i] for batch in found for i in batch] == sorted(lengths)
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= tokens
        assert len(batch) <= batch_size


def test_pad_puts_sequences_side_by_side():
    ids, lengths = pad([np.array([3, 1]), np.array([7], dtype=np.uint8), np.array([2, 5, 6])])
    assert ids.tolist() == [[3, 7, 2], [1, 0, 5], [0, 0, 6]]
    assert lengths.tolist() == [2, 1, 3]


def test_nothing_to_batch():
    with pytest.raises(ArgumentError, match="one or more examples"):
        Batches([], 4, 0)

"""Choosing symbols: the kept sets against a naive implementation, the draws against their probabilities."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from unrolled.decoding import Sampling
from unrolled.errors import ArgumentError, DivergedError

# Multiples of an eighth, so that ties are common.
rows = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=12)


def softmax(row, temperature=1.0):
    p = np.exp((np.array(row) - max(row)) / temperature)
    return p / p.sum()


def naive_kept(row, top_k, top_p, temperature):
    """Ids that may be drawn, by sorting and counting in plain Python."""
    p = softmax(row, temperature)
    order = sorted(range(len(row)), key=lambda v: (-p[v], v))
    if top_k:
        order = order[:top_k]
    total, mass, kept = sum(p[v] for v in order), 0.0, set()
    for v in order:
        if mass >= top_p * total and top_p < 1:
            break
        kept.add(v)
        mass += p[v]
        assume(abs(mass - top_p * total) > 1e-9)  # on the boundary rounding decides
    return kept


@settings(max_examples=150, deadline=None)
@given(rows, st.integers(0, 14), st.floats(0.01, 1.0), st.sampled_from([0.3, 1.0, 2.5]))
def test_top_k_and_top_p_keep_what_the_naive_way_keeps(row, top_k, top_p, temperature):
    sampling = Sampling(top_k=top_k, top_p=top_p, temperature=temperature)
    p = sampling.probabilities(np.array([row], dtype=np.float32))[0]
    kept = naive_kept(row, top_k, top_p, temperature) if top_p < 1 else None
    if kept is None:
        kept = set(sorted(range(len(row)), key=lambda v: (-row[v], v))[: top_k or None])
    assert {v for v in range(len(row)) if p[v] > 0} == kept
    np.testing.assert_allclose(p[list(kept)], softmax(row, temperature)[list(kept)], rtol=1e-12)


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 0.5}, {"temperature": 2.0}, {"top_k": 3}, {"top_p": 0.8}, {"top_k": 4, "top_p": 0.7}],
)
def test_frequencies_are_the_probabilities(options):
    n, row = 40_000, np.array([0.3, -1.0, 1.2, 0.0, 2.0, -0.5])
    sampling = Sampling(seed=5, **options)
    p = sampling.probabilities(row[None])[0]
    p /= p.sum()
    ids = sampling.choose(np.tile(row, (n, 1)), 17, np.arange(n))
    counts = np.bincount(ids, minlength=len(row))
    assert counts[p == 0].sum() == 0
    expected = n * p[p > 0]
    chi_square = ((counts[p > 0] - expected) ** 2 / expected).sum()
    assert chi_square < 20.5  # the 0.999 quantile with 5 degrees of freedom
    positions = np.concatenate([sampling.choose(row[None], t, np.zeros(1, np.int64)) for t in range(4000)])
    counts = np.bincount(positions, minlength=len(row))
    assert ((counts[p > 0] - 4000 * p[p > 0]) ** 2 / (4000 * p[p > 0])).sum() < 20.5


def test_draws_depend_on_seed_stream_and_position_alone():
    logits = np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32)
    streams = np.arange(50)
    ids = Sampling(seed=3).choose(logits, 4, streams)
    assert ids.dtype == np.int64
    turned = np.random.default_rng(1).permutation(50)
    assert (Sampling(seed=3).choose(logits[turned], 4, streams[turned]) == ids[turned]).all()
    for b in (0, 7, 49):
        assert Sampling(seed=3).choose(logits[b : b + 1], 4, streams[b : b + 1])[0] == ids[b]
    assert (Sampling(seed=4).choose(logits, 4, streams) != ids).any()
    assert (Sampling(seed=3).choose(logits, 5, streams) != ids).any()


@pytest.mark.parametrize(
    "options", [{"greedy": True}, {"temperature": 0.0}, {"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-320}]
)
def test_the_likeliest_and_of_equals_the_first(options):
    logits = np.array([[0.0, 3.0, 3.0, 1.0], [5.0, 1.0, 5.0, 5.0], [-2.0, -2.0, -2.0, -1.0]], dtype=np.float32)
    if "temperature" in options and options["temperature"] > 0:
        logits += np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float32)
    assert Sampling(**options).choose(logits, 0, np.arange(3)).tolist() == [1, 0, 3]


def test_equal_scores_are_cut_in_the_vocabularys_order():
    p = Sampling(top_k=2).probabilities(np.zeros((1, 5)))
    assert p[0].tolist() == [0.2, 0.2, 0, 0, 0]
    p = Sampling(top_p=0.5).probabilities(np.zeros((1, 4)))
    assert p[0].tolist() == [0.25, 0.25, 0, 0]


def test_symbols_without_probability_are_never_drawn(monkeypatch):
    from unrolled.decoding import sampling

    for u, expected in ((0.0, 1), (1 - 2**-53, 3)):  # the ends of the generator's range
        monkeypatch.setattr(sampling, "uniform", lambda seed, streams, position, u=u: np.full(len(streams), u))
        logits = np.array([[-np.inf, 0.0, 0.0, 0.3, -np.inf]] * 2)
        assert Sampling().choose(logits, 0, np.arange(2)).tolist() == [expected] * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature must be a number of at least 0, got -1.0"),
        ({"temperature": float("nan")}, "temperature must be a number of at least 0, got nan"),
        ({"temperature": float("inf")}, "temperature must be a number of at least 0, got inf"),
        ({"top_k": -1}, "top_k must be an integer of at least 0, got -1"),
        ({"top_p": 0.0}, "top_p must be a probability above 0 and at most 1, got 0.0"),
        ({"top_p": 1.1}, "top_p must be a probability above 0 and at most 1, got 1.1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ArgumentError) as caught:
        Sampling(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(greedy=True), Sampling(top_k=1), Sampling(top_p=0.5)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_chosen_by_what_is_no_number(sampling, bad):
    logits = np.zeros((2, 5))
    assert len(sampling.choose(logits, 0, np.arange(2))) == 2
    logits[1, 3] = bad
    with pytest.raises(DivergedError, match="outputs are not finite"):
        sampling.choose(logits, 0, np.arange(2))

"""The chain of tags, against all taggings listed one by one."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.errors import ArgumentError, ShapeError
from unrolled.layers import CRF


def make(T, B, K, seed, masked=False):
    generator = torch.Generator().manual_seed(seed)
    masks = {}
    if masked:
        allowed = torch.rand(K, K, generator=generator) < 0.6
        allowed.fill_diagonal_(True)
        begins, ends = (torch.rand(K, generator=generator) < 0.7 for _ in "ab")
        begins[0] = ends[0] = True
        masks = {"allowed": allowed, "begins": begins, "ends": ends}
    crf = CRF(K, **masks).double()
    for p in crf.parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=torch.double)
    emissions = torch.randn(T, B, K, generator=generator, dtype=torch.double)
    lengths = torch.randint(1, T + 1, (B,), generator=generator)
    return crf, emissions, lengths


def named_data(crf, emissions, length):
    """Every tagging of one sentence that is allowed, with its score by equation (1)."""
    found = {}
    for y in itertools.product(range(emissions.size(1)), repeat=length):
        fits = crf.begins[y[0]] and crf.ends[y[-1]] and all(crf.allowed[a, b] for a, b in itertools.pairwise(y))
        if fits:
            s = crf.begin[y[0]] + crf.end[y[-1]] + sum(emissions[t, tag] for t, tag in enumerate(y))
            found[y] = s + sum(crf.follow[a, b] for a, b in itertools.pairwise(y))
    return found


CASES = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 10_000), st.booleans())


@settings(max_examples=40, deadline=None)
@given(CASES)
def test_everything_against_all_taggings(case):
    crf, emissions, lengths = make(*case)
    emissions.requires_grad_()
    z, best, marginals = (
        crf.log_partition(emissions, lengths),
        crf.best(emissions, lengths),
        crf.marginals(emissions, lengths),
    )
    for lane, length in enumerate(lengths.tolist()):
        scores = named_data(crf, emissions[:, lane], length)
        every = torch.stack(list(scores.values()))
        expected = torch.logsumexp(every, 0)
        torch.testing.assert_close(z[lane], expected, atol=1e-10, rtol=0)
        winner = max(scores, key=lambda y: float(scores[y].detach()))
        assert tuple(best[:length, lane].tolist()) == winner
        assert not best[length:, lane].any()
        tags = torch.zeros(emissions.shape[:2], dtype=torch.long)
        tags[:length, lane] = torch.tensor(winner)
        logp = crf(emissions, tags, lengths)[lane]
        torch.testing.assert_close(logp, scores[winner] - expected, atol=1e-10, rtol=0)
        for t in range(length):
            for k in range(emissions.size(2)):
                p = sum(float((s - expected).detach().exp()) for y, s in scores.items() if y[t] == k)
                assert float(marginals[t, lane, k]) == pytest.approx(p, abs=1e-10)
        assert not marginals[length:, lane].any()
        of = [emissions, *crf.parameters()]
        ours, theirs = (
            torch.autograd.grad(one, of, allow_unused=True, materialize_grads=True, retain_graph=True)
            for one in (z[lane], expected)
        )
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


@settings(max_examples=20, deadline=None)
@given(CASES)
def test_restricted_tags_against_all_taggings(case):
    crf, emissions, lengths = make(*case)
    may = torch.rand(emissions.shape, generator=torch.Generator().manual_seed(case[3])) < 0.7
    may |= torch.nn.functional.one_hot(crf.best(emissions, lengths), emissions.size(2)).bool()  # something is left
    found = crf.log_probability(emissions, may, lengths)
    for lane, length in enumerate(lengths.tolist()):
        scores = named_data(crf, emissions[:, lane], length)
        left = [s for y, s in scores.items() if all(may[t, lane, k] for t, k in enumerate(y))]
        expected = torch.logsumexp(torch.stack(left), 0) - torch.logsumexp(torch.stack(list(scores.values())), 0)
        torch.testing.assert_close(found[lane], expected, atol=1e-10, rtol=0)


def test_log_marginals_do_not_vanish_at_certainty():
    crf = CRF(2)
    emissions = torch.tensor([[[80.0, 0.0]], [[0.0, 90.0]]])
    lengths = torch.tensor([2])
    assert crf.marginals(emissions, lengths)[0, 0].tolist() == pytest.approx([1.0, 0.0])
    log_p = crf.log_marginals(emissions, lengths)[:, 0]
    assert (log_p[:, 0] - log_p[:, 1]).tolist() == [80.0, -90.0]


def test_gradients_against_finite_differences():
    crf, emissions, lengths = make(5, 3, 4, 1)
    tags = torch.randint(4, (5, 3), generator=torch.Generator().manual_seed(2))
    parameters = list(crf.parameters())

    def loss(e, *given):
        for p, value in zip(("follow", "begin", "end"), given, strict=True):
            del crf._parameters[p]
            setattr(crf, p, value)
            crf._parameters[p] = value
        return crf(e, tags, lengths)

    given = [p.detach().clone().requires_grad_() for p in parameters]
    assert torch.autograd.gradcheck(loss, [emissions.requires_grad_(), *given])


def test_a_sentence_is_worth_the_same_alone_and_beside_longer_ones():
    crf, emissions, _ = make(9, 4, 5, 3)
    lengths = torch.tensor([2, 9, 5, 1])
    tags = torch.randint(5, (9, 4), generator=torch.Generator().manual_seed(0))
    together = crf(emissions, tags, lengths)
    for lane, length in enumerate(lengths.tolist()):
        alone = crf(emissions[:length, lane : lane + 1], tags[:length, lane : lane + 1], lengths[lane : lane + 1])
        torch.testing.assert_close(alone[0], together[lane])
        best = crf.best(emissions[:length, lane : lane + 1], lengths[lane : lane + 1])
        assert torch.equal(best[:, 0], crf.best(emissions, lengths)[:length, lane])


def test_what_is_forbidden_has_no_probability_in_float32_either():
    crf = CRF(2, allowed=torch.tensor([[True, False], [True, True]]), begins=torch.tensor([True, False]))
    emissions = torch.tensor([[[0.0, 50.0]], [[0.0, 50.0]], [[0.0, 50.0]]])
    lengths = torch.tensor([3])
    assert crf.best(emissions, lengths)[:, 0].tolist() == [0, 0, 0]  # 1 cannot begin, nor follow 0
    assert float(crf(emissions, torch.zeros(3, 1, dtype=torch.long), lengths)) == pytest.approx(0, abs=1e-6)
    assert float(crf(emissions, torch.ones(3, 1, dtype=torch.long), lengths)) < -5000


def test_without_transitions_it_is_the_softmax():
    crf, emissions, lengths = make(6, 3, 4, 5)
    for p in crf.parameters():
        torch.nn.init.zeros_(p)
    tags = emissions.argmax(2)
    logp = emissions.log_softmax(2).max(2).values
    expected = torch.stack([logp[:length, lane].sum() for lane, length in enumerate(lengths.tolist())])
    torch.testing.assert_close(crf(emissions, tags, lengths), expected)


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="tags must be at least 1, got 0"):
        CRF(0)
    with pytest.raises(ShapeError, match=r"allowed must be \(3, 3\) bool, got \(2, 2\)"):
        CRF(3, allowed=torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ArgumentError, match="begins must be true somewhere, got 'all false'"):
        CRF(3, begins=torch.zeros(3, dtype=torch.bool))
    crf = CRF(3)
    for lengths in ([0, 2], [1, 5]):
        with pytest.raises(ShapeError, match=r"lengths must lie in 1\.\.4"):
            crf.log_partition(torch.zeros(4, 2, 3), torch.tensor(lengths))
    with pytest.raises(ShapeError, match=r"lengths must be \(2,\) int64, got \(3,\)"):
        crf.best(torch.zeros(4, 2, 3), torch.tensor([1, 1, 1]))


def test_what_stands_past_a_sentences_end_is_ignored():
    """A tag of −100, as losses of torch have it, and emissions that are not even numbers."""
    torch.manual_seed(0)
    crf, lengths = CRF(3), torch.tensor([4, 2])
    emissions, tags = torch.randn(4, 2, 3), torch.randint(0, 3, (4, 2))
    wanted = [crf(emissions, tags, lengths), crf.marginals(emissions, lengths), crf.best(emissions, lengths)]
    emissions[2:, 1], tags[2:, 1] = float("nan"), -100
    emissions.requires_grad_()
    found = [crf(emissions, tags, lengths), crf.marginals(emissions, lengths), crf.best(emissions, lengths)]
    torch.testing.assert_close(found, wanted)
    (gradient,) = torch.autograd.grad(found[0].sum(), emissions)
    assert gradient.isfinite().all()
    assert not gradient[2:, 1].any()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"emissions": torch.zeros(4, 2, 1)}, "emissions must be"),
        ({"emissions": torch.zeros(0, 2, 3)}, "emissions must be"),
        ({"emissions": torch.zeros(4, 2, 3, dtype=torch.int64)}, "emissions must be"),
        ({"tags": torch.zeros(4, 1, dtype=torch.int64)}, r"tags must be \(4, 2\) int64"),
        ({"tags": torch.zeros(4, 2)}, "tags must be"),
        ({"tags": torch.full((4, 2), 3)}, r"tags must lie in 0\.\.2"),
        ({"lengths": [4, 2]}, r"lengths must be \(2,\) int64, got list"),
        ({"lengths": torch.tensor([5, 2])}, r"lengths must lie in 1\.\.4"),
    ],
)
def test_shapes_and_ranges(given, expected):
    usual = {"emissions": torch.zeros(4, 2, 3), "tags": torch.zeros(4, 2, dtype=torch.int64)}
    with pytest.raises(ShapeError, match=expected):
        CRF(3)(**{**usual, "lengths": torch.tensor([4, 2]), **given})


def test_one_sentence_at_a_time_under_vmap():
    crf, lengths = CRF(3), torch.tensor([4, 2])
    emissions, tags = torch.randn(4, 2, 3), torch.randint(0, 3, (4, 2))
    one = lambda e, t, n: crf(e[:, None], t[:, None], n[None])[0]  # noqa: E731
    found = torch.func.vmap(one, in_dims=(1, 1, 0))(emissions, tags, lengths)
    torch.testing.assert_close(found, crf(emissions, tags, lengths))

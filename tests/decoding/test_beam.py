"""Beam search against all sequences, against a plain beam that stops for nothing, and one sentence at a time."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from search_models import BEGIN, END, Model, explore

from unrolled.decoding import Search, beam_search, greedy
from unrolled.errors import ArgumentError

SYMBOLS = {"begin": BEGIN, "end": END}
seeds = st.integers(0, 2**31)
penalties = st.fixed_dictionaries(
    {
        "length_penalty": st.sampled_from([0.0, 0.6, 1.0, 2.5]),
        "coverage_penalty": st.sampled_from([0.0, 0.3, 2.0]),
        "min_length": st.integers(0, 4),
        "no_repeat_ngram": st.integers(0, 3),
    }
)


def find(model, search, limits, sentences=None):
    """All of the model's sentences, or those numbered."""
    numbers = list(range(model.sentences)) if sentences is None else sentences
    return beam_search(
        model.step,
        model.state(numbers),
        len(numbers),
        search,
        max_lengths=[limits[b] for b in numbers],
        source_lengths=model.lengths[numbers],
        **SYMBOLS,
    )


def same(found, expected, S):
    """The same hypotheses; ``expected`` as `explore` gives them."""
    assert [one.ids for one in found] == [ids for _, _, ids, _ in expected]
    for one, (score, log_probability, ids, weights) in zip(found, expected, strict=True):
        assert one.score == pytest.approx(score, abs=1e-6)  # attention is float32
        assert one.log_probability == pytest.approx(log_probability, abs=1e-9)
        assert one.weights.shape[0] == len(ids) + 1
        torch.testing.assert_close(one.weights[:, :S].double(), weights, atol=1e-6, rtol=0)
        assert not one.weights[:, S:].any()


@settings(max_examples=12, deadline=None)
@given(seeds, penalties, st.integers(1, 6), st.integers(1, 4))
def test_a_beam_that_holds_everything_finds_the_best_of_all_sequences(seed, options, n_best, limit):
    model = Model(seed, V=4, sentences=2, lengths=[3, 2])
    search = Search(beam=4**4, n_best=n_best, **options)
    for b, found in enumerate(find(model, search, [limit, limit])):
        every = explore(model, b, limit, search)
        same(found, every[:n_best], int(model.lengths[b]))
        assert len(found) == min(n_best, len(every))


@settings(max_examples=40, deadline=None)
@given(seeds, penalties, st.integers(1, 5), st.data())
def test_leaving_early_loses_nothing(seed, options, beam, data):
    n_best = data.draw(st.integers(1, beam))
    model = Model(seed, V=6, sentences=3, lengths=[4, 1, 2], sharpness=data.draw(st.sampled_from([0.5, 2.0])))
    limits = data.draw(st.lists(st.integers(0, 9), min_size=3, max_size=3))
    search = Search(beam=beam, n_best=n_best, **options)
    for b, found in enumerate(find(model, search, limits)):
        same(found, explore(model, b, limits[b], search, beam)[:n_best], int(model.lengths[b]))


@settings(max_examples=12, deadline=None)
@given(seeds, penalties)
def test_together_as_alone(seed, options):
    model = Model(seed, V=7, sentences=5, lengths=[2, 5, 1, 3, 3])
    limits, search = [6, 12, 4, 8, 8], Search(beam=3, n_best=2, **options)
    for b, found in enumerate(find(model, search, limits)):
        (alone,) = find(model, search, limits, [b])
        assert [one.ids for one in found] == [one.ids for one in alone]
        for one, other in zip(found, alone, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-6)
            torch.testing.assert_close(one.weights, other.weights, atol=1e-6, rtol=0)


@example(0)
@settings(max_examples=10, deadline=None)
@given(seeds)
def test_only_live_rows_are_asked_about(seed):
    model = Model(seed, V=5, sentences=4, lengths=[2] * 4)
    find(model, Search(beam=3, length_penalty=0.0), [2, 5, 9, 0])
    (ids, sentences), *rest = model.calls
    assert (ids, sentences) == ([BEGIN] * 4, [0, 1, 2, 3])
    before = set(sentences)
    for t, (ids, sentences) in enumerate(rest, 1):
        assert END not in ids
        assert sentences == sorted(sentences)
        assert max(sentences.count(b) for b in sentences) <= 3
        assert set(sentences) <= before  # a sentence that left does not come back
        assert all(t <= [2, 5, 9, 0][b] for b in sentences)
        before = set(sentences)


def test_a_sentence_stops_when_nothing_can_beat_what_it_has():
    """END has 0.9 of every step: without a penalty 0.9 cannot be beaten, and the step is called once."""
    model = Model(0, V=3)
    log_probs = torch.tensor([[0.9, 0.06, 0.04]], dtype=torch.float64).log()
    calls = []

    def step(ids, state):
        calls.append(len(ids))
        return log_probs.expand(len(ids), -1), None, state

    def run(**options):
        calls.clear()
        return beam_search(step, model.state(), 1, Search(beam=3, **options), max_lengths=[20], **SYMBOLS)[0]

    assert [one.ids for one in run(length_penalty=0.0)] == [[]]
    assert calls == [1]
    assert [one.ids for one in run(length_penalty=0.0, n_best=2)] == [[], [1]]
    assert calls == [1, 2]
    # (5 + 2) / 6 is too little to make two symbols better, but the search cannot know before it has seen longer ones
    assert [one.ids for one in run(length_penalty=1.0)] == [[]]
    assert len(calls) < 21


def test_the_end_is_forced_at_its_own_probability():
    log_probs = torch.tensor([[0.01, 0.19, 0.8]], dtype=torch.float64).log()

    def step(ids, state):
        return log_probs.expand(len(ids), -1), None, state

    search = Search(beam=2, length_penalty=0.0, min_length=3)
    ((one,),) = beam_search(step, torch.zeros(1, 1), 1, search, max_lengths=torch.tensor([3]), **SYMBOLS)
    assert one.ids == [2, 2, 2]
    assert one.log_probability == pytest.approx(3 * log_probs[0, 2].item() + log_probs[0, 0].item())
    assert one.weights is None
    ((one,),) = beam_search(step, torch.zeros(1, 1), 1, search, max_lengths=[1], **SYMBOLS)
    assert one.ids == [2]  # max_lengths above min_length


def test_coverage_of_what_was_never_seen_and_of_padding():
    """Two positions of source and one of padding; attention only ever meets the first."""
    log_probs = torch.tensor([[0.6, 0.4]], dtype=torch.float64).log()

    def step(ids, state):
        return log_probs.expand(len(ids), -1), torch.tensor([[0.75, 0.0, 0.0]]).expand(len(ids), -1), state

    search = Search(beam=2, length_penalty=0.0, coverage_penalty=0.5)

    def run(lengths):
        (found,) = beam_search(step, torch.zeros(1, 1), 1, search, max_lengths=[4], source_lengths=lengths, **SYMBOLS)
        return found[0].score

    log = torch.tensor([0.6, 0.75, 1e-9], dtype=torch.float64).log()
    assert run([1]) == pytest.approx((log[0] + 0.5 * log[1]).item())
    once, twice = log[0] + 0.5 * log[1], log[0] + torch.tensor(0.4, dtype=torch.float64).log()
    assert once > twice
    assert run([2]) == pytest.approx((log[0] + 0.5 * (log[1] + log[2])).item())
    assert run(None) == pytest.approx((log[0] + 0.5 * (log[1] + 2 * log[2])).item())


def test_a_step_may_use_its_weights_again():
    """It gives the same tensor every time, with other numbers in it."""
    log_probs, buffer = torch.tensor([[0.1, 0.9]]).log(), torch.zeros(1, 2)

    def step(ids, state):
        buffer.copy_(torch.cat([state, 1 - state], dim=1))
        return log_probs.expand(len(ids), -1), buffer, state / 2

    ((one,),) = beam_search(step, torch.ones(1, 1), 1, Search(beam=1), max_lengths=[2], **SYMBOLS)
    (other,) = greedy(step, torch.ones(1, 1), 1, max_lengths=[2], **SYMBOLS)
    assert one.weights.tolist() == other.weights.tolist() == [[1, 0], [0.5, 0.5], [0.25, 0.75]]


def test_no_sentences():
    assert beam_search(None, torch.zeros(0, 2), 0, Search(), max_lengths=[], **SYMBOLS) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam must be an integer of at least 1, got 0"),
        ({"beam": 1 << 40}, "beam must be at most 1,000"),
        ({"beam": 2, "n_best": 3}, r"n_best must be at most the beam \(2\), got 3; raise beam to 3"),
        ({"length_penalty": -0.1}, "length_penalty must be a number of at least 0, got -0.1"),
        ({"coverage_penalty": float("nan")}, "coverage_penalty must be a number of at least 0, got nan"),
        ({"min_length": 5, "max_length": 4}, r"min_length must be at most max_length \(4\), got 5"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram must be an integer of at least 0, got -1"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ArgumentError, match=message):
        Search(**options)


def test_limits():
    lengths = torch.tensor([0, 3, 20])
    assert Search().limits(lengths).tolist() == [10, 16, 50]
    assert Search(max_length=7).limits(lengths).tolist() == [7, 7, 7]
    assert Search(min_length=20).limits(lengths).tolist() == [20, 20, 50]


def of(log_probs, weights=None):
    return lambda ids, state: (log_probs, weights, state)


@pytest.mark.parametrize(
    ("step", "options", "message"),
    [
        (of(torch.tensor([[-1.0, float("nan")], [-1.0, -1.0]])), {}, "free of NaN, got 'NaN in row 0 after 0 tokens'"),
        (of(torch.full((2, 9000), float("nan"))), {}, "free of NaN"),
        (of(torch.ones(2, 3)), {}, r"log_probs of the step must be at most 0, got 1.0; take log_softmax of logits"),
        (of(torch.zeros(3, 3)), {}, r"must be \(N, V\) with N = 2 rows, got \(3, 3\)"),
        (of(torch.zeros(2, 3), torch.zeros(1, 3)), {}, r"weights of the step must be \(N, S\) with N = 2 rows"),
        (of(torch.zeros(2, 3)), {"coverage_penalty": 0.1}, "attention .* for the coverage penalty, got None"),
    ],
)
def test_steps_that_give_something_else(step, options, message):
    with pytest.raises(ArgumentError, match=message):
        beam_search(step, torch.zeros(2, 1), 2, Search(**options), max_lengths=[3, 3], **SYMBOLS)


def test_lengths_and_states_that_do_not_fit():
    step = of(torch.zeros(2, 3))
    with pytest.raises(ArgumentError, match="max_lengths must be one number for each of the 2 sentences"):
        beam_search(step, torch.zeros(2, 1), 2, Search(), max_lengths=[3], **SYMBOLS)
    with pytest.raises(ArgumentError, match="max_lengths must be numbers of at least 0, got -1"):
        beam_search(step, torch.zeros(2, 1), 2, Search(), max_lengths=[3, -1], **SYMBOLS)
    with pytest.raises(ArgumentError, match=r"state must be tensors of 2 rows, one for each sentence, got \(1, 2\)"):
        beam_search(step, {"h": torch.zeros(1, 2)}, 2, Search(), max_lengths=[3, 3], **SYMBOLS)
    with pytest.raises(ArgumentError, match="end must be a token id below 3, got 3"):
        beam_search(step, torch.zeros(2, 1), 2, Search(), max_lengths=[3, 3], begin=0, end=3)

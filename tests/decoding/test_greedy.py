"""Greedy search is beam search with a beam of 1, and what one would write down for a single sentence."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search_models import BEGIN, END, Model, ways

from unrolled.decoding import Search, beam_search, greedy


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([3, 6, 2000]),
    st.lists(st.integers(0, 12), min_size=4, max_size=4),
    st.integers(0, 5),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([0.0, 0.6, 1.5]),
)
def test_greedy_is_a_beam_of_one(seed, V, limits, min_length, no_repeat_ngram, attention, alpha):
    model = Model(seed, V=V, sentences=4, lengths=[2, 5, 1, 3], attention=attention)
    how = {"begin": BEGIN, "end": END, "max_lengths": limits}
    options = {"min_length": min_length, "no_repeat_ngram": no_repeat_ngram, "length_penalty": alpha}
    found = greedy(model.step, model.state(), 4, **options, **how)
    rows = [len(ids) for ids, _ in model.calls]
    assert rows == [sum(len(one.ids) >= t for one in found) for t in range(len(rows))]  # only those that go on
    search = Search(beam=1, **options)
    for one, (other,) in zip(found, beam_search(model.step, model.state(), 4, search, **how), strict=True):
        assert one.ids == other.ids
        assert one.log_probability == other.log_probability
        assert one.score == other.score
        assert abs(one.score - one.log_probability / ((6 + len(one.ids)) / 6) ** alpha) < 1e-9
        assert (one.weights is None) == (not attention)
        if attention:
            assert torch.equal(one.weights, other.weights)
            assert len(one.weights) == len(one.ids) + 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_it_takes_the_likeliest(seed):
    model = Model(seed, V=6, sentences=2)
    search = Search(min_length=2, no_repeat_ngram=2)
    both = greedy(model.step, model.state(), 2, begin=BEGIN, end=END, max_lengths=[9, 9], min_length=2,
                  no_repeat_ngram=2)  # fmt: skip
    for b, one in enumerate(both):
        ids, total, state, last = [], 0.0, model.state([b]), BEGIN
        while last != END:
            log_probs, _, state = model.step(torch.tensor([last]), state)
            last = max(ways(ids, 6, 9, search), key=lambda v: log_probs[0, v].item())
            total += log_probs[0, last].item()
            ids += [last] * (last != END)
        assert one.ids == ids
        assert abs(one.log_probability - total) < 1e-9


def test_a_model_that_gives_nothing_any_probability_ends():
    nothing = torch.tensor([[0.0, -torch.inf, -torch.inf]])
    (one,) = greedy(lambda ids, state: (nothing, None, state), torch.zeros(1, 1), 1, begin=0, end=2, max_lengths=[2],
                    no_repeat_ngram=1)  # fmt: skip
    assert one.ids == [0]
    assert one.log_probability == -torch.inf
    ((other,),) = beam_search(lambda ids, state: (nothing.expand(len(ids), -1), None, state), torch.zeros(1, 1), 1,
                              Search(no_repeat_ngram=1), begin=0, end=2, max_lengths=[2])  # fmt: skip
    assert other == type(other)([0], -torch.inf, -torch.inf)

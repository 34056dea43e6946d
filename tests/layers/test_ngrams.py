"""A bag of n-grams, against counting them in Python."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data.batches import pad
from unrolled.layers.ngrams import NGramBag


def expected(bag, symbols):
    rows = []
    for n in range(1, bag.order + 1):
        for t in range(len(symbols) - n + 1):
            h = 0
            for symbol in symbols[t : t + n]:
                h = (h * 31 + symbol + 1) * 0x9E3779B1 % (1 << 31)
            rows.append(bag.weight[h % bag.buckets])
    return torch.stack(rows).mean(0)


TEXTS = st.lists(st.lists(st.integers(0, 50_000), min_size=1, max_size=9), min_size=1, max_size=5)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 4))
def test_against_counting(texts, order):
    bag = NGramBag(order, 3, 97).eval()
    ids, lengths = pad([torch.tensor(text).numpy() for text in texts])
    found = bag(ids, lengths)
    for row, text in zip(found, texts, strict=True):
        torch.testing.assert_close(row, expected(bag, text), rtol=1e-5, atol=1e-6)


def test_order_within_an_ngram_matters_and_its_place_does_not():
    bag = NGramBag(2, 4, 1 << 16).eval()

    def of(*symbols):
        return bag(*pad([torch.tensor(symbols).numpy()]))[0]

    assert not torch.allclose(of(1, 2, 3), of(1, 3, 2))
    one = NGramBag(1, 4, 1 << 16).eval()
    torch.testing.assert_close(*(one(*pad([torch.tensor(s).numpy()])) for s in ((1, 2, 3), (3, 1, 2))))


def test_dropout_leaves_out_and_keeps_the_mean():
    torch.manual_seed(0)
    bag = NGramBag(1, 1, 1 << 10, dropout=0.5).train()
    bag.weight.data.fill_(2.0)
    ids, lengths = pad([torch.arange(500).numpy()])
    assert bag(ids, lengths).item() == pytest.approx(2, rel=1e-4)  # a mean over those that are left


def test_the_gradient_by_presence_is_spread_over_the_symbols():
    bag = NGramBag(2, 1, 1 << 10).eval()
    ids, lengths = pad([torch.tensor([4, 7]).numpy()])
    present = torch.ones(2, 1, requires_grad=True)
    bag(ids, lengths, present).sum().backward()
    rows, _ = bag.hashes(ids, lengths)
    one, two, both = bag.weight[rows[:, 0], 0].tolist()
    torch.testing.assert_close(present.grad[:, 0], torch.tensor([(one + both / 2) / 3, (two + both / 2) / 3]))


def test_a_text_that_is_half_present_has_half_the_vector():
    bag = NGramBag(3, 4, 1 << 10).eval()
    ids, lengths = pad([torch.tensor([4, 7, 1, 4]).numpy()])
    whole, half, none = (bag(ids, lengths, torch.full((4, 1), share)) for share in (1.0, 0.5, 0.0))
    torch.testing.assert_close(whole, bag(ids, lengths))
    torch.testing.assert_close(half, whole / 2)
    assert not none.any()

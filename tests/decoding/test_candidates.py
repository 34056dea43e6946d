"""What a row may write next: the largest of large rows, n-grams that were there, and the caller's tensor untouched."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search_models import repeats as repeating

from unrolled.decoding.candidates import candidates, repeats, top


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("V", [1, 9, 800, 807, 8000, 8009])
@pytest.mark.parametrize("k", [1, 5])
def test_top_is_topk(dtype, V, k):
    x = torch.randn(7, V, generator=torch.Generator().manual_seed(V)).to(dtype)
    x[3] = -torch.inf
    x[4, -1] = 100.0
    k = min(k, V)
    values, places = top(x, k)
    assert torch.equal(values, x.topk(k, dim=1).values)
    assert torch.equal(x.gather(1, places), values)
    assert all(len(set(row)) == k for row in places.tolist())


@pytest.mark.parametrize("place", [0, 4321, 8008])
def test_top_never_overlooks_nan(place):
    x = torch.zeros(3, 8009)
    x[1, place] = torch.nan
    assert top(x, 2)[0].isnan().any(1).tolist() == [False, True, False]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(1, 3), min_size=6, max_size=6), min_size=1, max_size=4), st.integers(0, 4))
def test_repeats_against_writing_them(written, n):
    rows, ids = repeats(np.array(written), n)
    blocked = set(zip(rows.tolist(), ids.tolist(), strict=True))
    for row, before in enumerate(written):
        if n and not repeating(before, n):
            assert {v for r, v in blocked if r == row} == {v for v in range(1, 4) if repeating([*before, v], n)}
    assert n or not blocked


def test_nothing_is_written_into_what_the_step_gave():
    log_probs = torch.zeros(2, 4)
    values, symbols = candidates(
        log_probs, 4, np.array([[1], [2]]), np.array([9, 1]), end=0, min_length=3, no_repeat_ngram=1
    )
    assert not log_probs.any()
    assert sorted(symbols[0][~np.isnan(values[0])].tolist()) == [2, 3]
    assert symbols[1][~np.isnan(values[1])].tolist() == [0]  # as long as it may be

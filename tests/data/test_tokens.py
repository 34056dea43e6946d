"""Words of a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data.tokens import tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's re-imagined, isn't it?!", "It 's re-imagined , is n't it ? !"),
        ("'Teddy bears are on sale!'", "' Teddy bears are on sale ! '"),
        ("they'll CAN'T we’ve", "they 'll CA N'T we ’ve"),
        ("it cost 3.50, or 1,000...", "it cost 3.50 , or 1,000 ..."),
        ("wo n't 's ``x''", "wo n't 's `` x ''"),
        ("  \t\n", ""),
    ],
)
def test_cut(text, words):
    assert [token.text for token in tokenize(text)] == words.split()


@settings(deadline=None)
@given(st.text(max_size=200))
def test_tokens_know_where_they_stood_and_leave_out_nothing_visible(text):
    tokens = tokenize(text)
    assert all(text[token.begin : token.end] == token.text for token in tokens)
    between, at = "", 0
    for token in tokens:
        between += text[at : token.begin]
        at = token.end
    assert not (between + text[at:]).strip()


def test_small_letters_and_long_words():
    assert [token.text for token in tokenize("The END", lowercase=True)] == ["the", "end"]
    assert len(tokenize("a" * 1_000_000)) == 1

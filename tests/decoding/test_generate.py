"""Writing: the step is called as promised, and text comes out in whole characters up to the stop string."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import ByteVocabulary, CharVocabulary
from unrolled.decoding import Sampling, TextWriter, generate
from unrolled.errors import ArgumentError

BYTES = ByteVocabulary()


def write(ids, vocabulary=BYTES, stop=None):
    """The pieces, one for each id, and the rest."""
    writer = TextWriter(vocabulary, stop)
    return [writer.feed(int(id)) for id in ids], writer.close(), writer


def test_generate_feeds_what_it_chose_and_no_more():
    """A model that always wants the successor of what it read last."""
    seen = []

    def step(ids, state):
        seen.append((ids.tolist(), state))
        return np.eye(10)[(ids + 1) % 10] * 100, state + 1

    chosen = [ids.tolist() for ids in generate(step, np.eye(10)[[3, 8]] * 100, 0, Sampling(greedy=True), 4)]
    assert chosen == [[3, 8], [4, 9], [5, 0], [6, 1]]
    assert seen == [([3, 8], 0), ([4, 9], 1), ([5, 0], 2)]  # the last symbol needs no step
    assert list(generate(step, np.zeros((2, 10)), 0, Sampling(), 0)) == []


def test_generate_draws_by_stream_and_position():
    logits = np.random.default_rng(0).normal(size=(3, 7))
    sampling = Sampling(seed=9)
    chosen = list(generate(lambda ids, state: (logits, state), logits, None, sampling, 20))
    for position, ids in enumerate(chosen):
        assert ids.tolist() == sampling.choose(logits, position, np.arange(3)).tolist()
    assert len({tuple(column) for column in np.array(chosen).T}) == 3  # each stream writes something else


def test_characters_appear_when_their_last_byte_does():
    assert write("aé€😀".encode())[:2] == (["a", "", "é", "", "", "€", "", "", "", "😀"], "")
    assert write("é€".encode()[:-1])[:2] == (["", "é", "", ""], "\ufffd")
    assert write(b"\xffa\xc3b")[:2] == (["\ufffd", "a", "", "\ufffdb"], "")


def test_what_may_begin_the_stop_string_is_held_back():
    pieces, rest, writer = write(b"xaabaac", stop="aac")
    assert (pieces, rest) == (["x", "", "", "aab", "", "", ""], "")
    assert writer.done
    assert writer.feed(ord("z")) == ""
    pieces, rest, writer = write(b"xaa", stop="aac")
    assert (pieces, rest) == (["x", "", ""], "aa")
    assert writer.done


def test_no_stop_string():
    with pytest.raises(ArgumentError, match="stop must be text of at least one character, got ''"):
        TextWriter(BYTES, "")


@settings(max_examples=200, deadline=None)
@given(st.text("abé€", max_size=30), st.text("abé€", min_size=1, max_size=4))
def test_any_stop_string_against_the_naive_way(text, stop):
    for vocabulary in (BYTES, CharVocabulary("abé€")):
        pieces, rest, _ = write(vocabulary.encode(text), vocabulary, stop)
        assert "".join(pieces) + rest == text.split(stop)[0]
        each = TextWriter(vocabulary, stop)
        found = each.feed_each(vocabulary.encode(text))  # none after the stop string
        assert found == pieces[: len(found)]
        assert "".join(found) + each.close() == text.split(stop)[0]
        for end in range(len(pieces) + 1):  # at any moment nothing was shown that must be taken back
            assert text.split(stop)[0].startswith("".join(pieces[:end]))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=20))
def test_any_bytes(data):
    pieces, rest, _ = write(data)
    assert "".join(pieces) + rest == data.decode("utf-8", "replace")

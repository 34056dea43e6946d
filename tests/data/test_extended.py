"""Vocabularies of models that go on learning from another text."""

import pytest

from unrolled.data import ByteVocabulary, CharVocabulary, WordVocabulary
from unrolled.data.extended import extended, rows
from unrolled.errors import DataError


def test_characters_are_sorted_and_mapped():
    old, new = CharVocabulary("bd"), CharVocabulary("abc", unknown=True)
    both = extended(old, new, "R")
    assert (both.symbols, both.unknown) == ("abcd\ufffd", 4)
    assert rows(old, both).tolist() == [-1, 0, -1, 1, -1]


def test_words_keep_their_ids():
    old, new = WordVocabulary(["b", "a"]), WordVocabulary(["c", "a"])
    both = extended(old, new, "R")
    assert both.words == ["<unk>", "b", "a", "c"]
    assert rows(old, both).tolist() == [0, 1, 2, -1]


def test_bytes_stay_and_nothing_in_common_is_refused():
    assert len(extended(ByteVocabulary(), ByteVocabulary(), "R")) == 256
    with pytest.raises(DataError, match="the data and R have no character in common"):
        extended(CharVocabulary("ab"), CharVocabulary("xy"), "R")

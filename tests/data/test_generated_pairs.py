"""Made-up words and numbers."""

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data.generated_pairs import TENS, UNITS, in_words, numbers, reversal
from unrolled.data.generated_parts import SIZES, generate_parts
from unrolled.errors import ArgumentError

VALUES = {word: n for n, word in enumerate(UNITS)} | {word: 10 * n for n, word in enumerate(TENS, 2)}


def value(text):
    """The number that words say, by another rule than they were made with."""
    total = part = 0
    for word in re.findall("[a-z]+", text):
        if word == "thousand":
            total, part = 1000 * part, 0
        elif word == "hundred":
            part *= 100
        elif word != "and":
            part += VALUES[word]
    return total + part


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (6, "six"),
        (19, "nineteen"),
        (20, "twenty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (412, "four hundred and twelve"),
        (1000, "one thousand"),
        (1001, "one thousand and one"),
        (1100, "one thousand one hundred"),
        (412_006, "four hundred and twelve thousand and six"),
        (999_999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine"),
    ],
)
def test_numbers_in_words(number, words):
    assert in_words(number) == words


@settings(deadline=None)
@given(st.integers(0, 999_999))
def test_every_number_can_be_read_again(number):
    assert value(in_words(number)) == number


@cache
def made(make):
    return make()


@pytest.mark.parametrize("make", [reversal, numbers])
def test_parts(make):
    parts = made(make)
    assert tuple(map(len, parts)) == SIZES
    assert make(0, (20, 5, 5)) == make(0, (20, 5, 5))
    assert make(1, (20, 5, 5)) != make(0, (20, 5, 5))
    sources = [source for part in parts for source in part.source]
    assert len(set(sources)) == len(sources)


def test_numbers_are_right_in_every_part():
    for part in made(numbers):
        assert [str(value(source)) for source in part.source] == part.target
        lengths = [len(target) for target in part.target]
        assert lengths.count(4) > len(part) / 6
        assert lengths.count(6) > len(part) / 6


def test_reversed_words():
    train, _, _ = made(reversal)
    assert [source[::-1] for source in train.source] == train.target
    lengths = [len(source) for source in train.source]
    assert (min(lengths), max(lengths)) == (3, 12)
    assert all(lengths.count(length) > 300 for length in range(3, 13))
    assert not any(re.search("[aeiouy]{3}|[^aeiouy]{3}", source) for source in train.source)


def test_more_than_there_are():
    with pytest.raises(ArgumentError, match="sizes must be at most 2 pairs in total, got 3; there are no more"):
        generate_parts(lambda draws: (str(draws[0] < 0.5), ""), 1, 0, (1, 1, 1))

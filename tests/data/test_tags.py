"""Entities, schemes and scores, against seqeval, which counts as the CoNLL script does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

from unrolled.data.tags import Count, Entity, Scores, convert, detect, entities, follows, inconsistent, parse, spell

TYPES = ("a", "b", "c-d")
LETTERS = {"iob1": "BI", "bio": "BI", "iobes": "BIES"}


def tags_of(letters, most=12):
    one = st.sampled_from(["O", *(f"{letter}-{type}" for letter in letters for type in TYPES)])
    return st.lists(one, min_size=1, max_size=most)


@st.composite
def stretches(draw):
    """(entities in order, number of words)."""
    found, at = [], 0
    for _ in range(draw(st.integers(0, 5))):
        at += draw(st.integers(0, 2))
        length = draw(st.integers(1, 3))
        found.append(Entity(at, at + length, draw(st.sampled_from(TYPES))))
        at += length
    return found, at + draw(st.integers(0, 2))


@pytest.mark.parametrize("letters", LETTERS.values(), ids=LETTERS)
def test_entities_of_any_tags_are_those_that_seqeval_finds(letters):
    @settings(max_examples=300, deadline=None)
    @given(tags_of(letters))
    def check(tags):
        theirs = [Entity(start, stop + 1, type) for type, start, stop in get_entities(tags)]
        assert entities(tags) == theirs

    check()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("letters", LETTERS.values(), ids=LETTERS)
def test_scores_are_those_of_seqeval(letters):
    pairs = st.lists(
        tags_of(letters).flatmap(lambda a: st.tuples(st.just(a), st.permutations(a))), min_size=1, max_size=4
    )

    @settings(max_examples=100, deadline=None)
    @given(pairs)
    def check(sentences):
        true, predicted = [list(a) for a, _ in sentences], [list(b) for _, b in sentences]
        scores = Scores()
        for a, b in sentences:
            scores.add(a, b)
        expected = [f(true, predicted, zero_division=0) for f in (precision_score, recall_score, f1_score)]
        assert [scores.all.precision, scores.all.recall, scores.all.f1] == pytest.approx(expected, abs=1e-12)
        types = sorted(scores.types)
        by_type = f1_score(true, predicted, average=None, zero_division=0)
        assert [scores.types[type].f1 for type in types] == pytest.approx(list(by_type), abs=1e-12)

    check()


@settings(max_examples=300, deadline=None)
@given(stretches(), st.sampled_from(sorted(LETTERS)))
def test_spelling_and_reading_are_inverse(case, scheme):
    found, length = case
    tags = spell(found, length, scheme)
    assert entities(tags) == found
    assert inconsistent(tags, scheme) == []
    for other in LETTERS:
        assert convert(convert(tags, other), scheme) == tags


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["bio", "iobes"]).flatmap(lambda s: st.tuples(st.just(s), tags_of(LETTERS[s], 6))))
def test_tags_are_consistent_exactly_where_each_may_follow_the_one_before(case):
    scheme, tags = case
    ways = all(follows(a, b, scheme) for a, b in zip(["O", *tags], [*tags, "O"], strict=True))
    assert (inconsistent(tags, scheme) == []) == ways


def test_by_hand():
    assert (
        spell([Entity(0, 3, "a"), Entity(3, 4, "a"), Entity(5, 6, "b")], 6, "iob1") == "I-a I-a I-a B-a O I-b".split()
    )
    assert spell([Entity(0, 3, "a"), Entity(3, 4, "a"), Entity(5, 6, "b")], 6, "bio") == "B-a I-a I-a B-a O B-b".split()
    assert (
        spell([Entity(0, 3, "a"), Entity(3, 4, "a"), Entity(5, 6, "b")], 6, "iobes") == "B-a I-a E-a S-a O S-b".split()
    )
    assert inconsistent("O I-a B-b I-a I-a".split(), "bio") == [1, 3]
    assert inconsistent("B-a I-a O".split(), "iob1") == [0]
    assert inconsistent("B-a O I-a".split(), "iobes") == [0, 2]
    assert convert("B-a I-a L-a U-b O".split(), "bio") == "B-a I-a I-a B-b O".split()  # BILOU
    assert convert("B-a M-a E-a W-b O".split(), "iobes") == "B-a I-a E-a S-b O".split()  # BMEWO
    assert convert("B I O B".split(), "iobes") == "B E O S".split()  # entities without a type
    assert parse("B_a") == ("B", "a")
    assert parse("NN") is None


def test_a_scheme_is_recognised():
    assert detect([["B-a", "I-a", "O"], ["B-a"]]) == "bio"
    assert detect([["I-a", "I-a", "O"], ["I-a", "B-a"]]) == "iob1"
    assert detect([["I-a", "I-a", "O"], ["I-b"]]) == "iob1"
    assert detect([["B-a", "E-a", "O"]]) == "iobes"
    assert detect([["B-a", "L-a", "U-b"]]) == "iobes"
    assert detect([["DT", "NN", "O"]]) == "plain"
    assert detect([["B-a", "I-a", "B-b", "Bc"]]) == "bio"  # one slip of the pen among tags of a scheme
    assert detect([["B-a", "I-a"], ["B-a", "I-a"], ["B-b", "I-b"], ["O", "I-a"]]) == "bio"


def test_scores_by_hand():
    scores = Scores()
    scores.add("B-a I-a O B-b B-a".split(), "B-a O O B-b B-a".split())
    assert (scores.all.right, scores.all.predicted, scores.all.true) == (2, 3, 3)
    assert scores.types["a"] == Count(1, 2, 2)
    assert scores.all.f1 == pytest.approx(2 / 3)
    assert (Count().precision, Count().recall, Count().f1) == (0, 0, 0)
    assert Count(0, 3, 0).as_json() == {"precision": 0, "recall": 0, "f1": 0, "entities": 0}

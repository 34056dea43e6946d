"""Source and target exchanged by mistake: seen where words tell, and not where they do not."""

import pytest

from unrolled.data.bitext import Pairs
from unrolled.data.generated_dates import dates
from unrolled.data.generated_pairs import numbers, reversal
from unrolled.data.swapped import closer_to_target, distinct_words, frequent_words, looks_swapped

GERMAN = (
    "der Hund läuft über die Straße und bellt laut|eine Frau liest im Garten ein altes Buch|zwei Kinder spielen am "
    "Strand mit einem Ball|der Mann fährt mit dem Rad zur Arbeit|die Katze schläft auf dem roten Sofa|ein Junge trinkt "
    "Milch aus einem Glas|viele Leute warten vor dem Haus|das Mädchen singt ein schönes Lied"
).split("|")
ENGLISH = (
    "the dog runs across the street and barks loudly|a woman reads an old book in the garden|two children play on the "
    "beach with a ball|the man rides to work by bicycle|the cat sleeps on the red sofa|a boy drinks milk from a glass|"
    "many people wait in front of the house|the girl sings a beautiful song"
).split("|")
PAIRS = Pairs(GERMAN, ENGLISH)


def exchanged(pairs):
    return Pairs(pairs.target, pairs.source)


def test_exchanged_languages_are_seen():
    assert looks_swapped(PAIRS, exchanged(PAIRS))
    assert not looks_swapped(PAIRS, PAIRS)
    one_side = Pairs(ENGLISH, ENGLISH)
    assert not looks_swapped(PAIRS, one_side)


def test_few_words_or_the_same_ones_tell_nothing():
    assert not looks_swapped(PAIRS, exchanged(PAIRS.pick(range(4))))
    assert not looks_swapped(PAIRS, Pairs(["the dog barks"] * 100, ["der Hund bellt"] * 100))
    assert not looks_swapped(Pairs(ENGLISH, ENGLISH), Pairs(ENGLISH, ENGLISH))
    corrected = Pairs([text.replace("the", "teh") for text in ENGLISH], ENGLISH)
    assert not looks_swapped(corrected, corrected)
    assert not looks_swapped(PAIRS, Pairs([], []))


@pytest.mark.parametrize("make", [dates, reversal, numbers])
def test_toy_tasks_are_no_languages(make):
    train, valid, _ = make(sizes=(2000, 200, 0))
    assert not looks_swapped(train, valid)
    assert not looks_swapped(train, exchanged(valid))


def test_one_text():
    source, target = distinct_words(GERMAN), distinct_words(ENGLISH)
    assert {"the", "dog"} <= target
    assert all(closer_to_target(text, source, target) for text in ENGLISH)
    assert not any(closer_to_target(text, source, target) for text in GERMAN)
    assert closer_to_target("THE GIRL SINGS!", source, target)
    assert not closer_to_target("the girl", source, target)  # two words are too few
    assert not closer_to_target("the girl sings und bellt", source, target)
    assert not closer_to_target("", source, target)
    assert not closer_to_target(ENGLISH[0], source | target, source | target)


def test_the_words_that_most_texts_have(monkeypatch):
    texts = ["the dog, the cat", "The bird", "a dog"]
    assert frequent_words(texts) == ["dog", "the", "cat", "bird", "a"]
    monkeypatch.setattr("unrolled.data.swapped.FREQUENT", 2)
    assert frequent_words(texts) == ["dog", "the"]

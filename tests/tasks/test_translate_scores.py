"""BLEU and chrF as sacrebleu gives them, by length too, and a small example by hand."""

import math
import sys

import pytest

from unrolled.errors import ArgumentError, UnrolledError
from unrolled.tasks.translate.scores import by_length, score

REFERENCES = [
    "A little boy in a blue shirt is standing on an outdoor stage.",
    "Two men are grilling meat.",
    "The dog runs.",
    "People walk through the city at night, and it rains.",
]
HYPOTHESES = [
    "a little boy in a blue shirt stands on an outdoor stage.",
    "Two men are grilling Meat.",
    "",
    "People are walking in the city at night, and it rains.",
]
SOURCES = ["ein kleiner Junge in einem blauen Hemd steht auf einer Bühne .", "zwei Männer grillen Fleisch .",
           "der Hund rennt .", "Leute gehen nachts durch die Stadt und es regnet ."]  # fmt: skip


@pytest.fixture
def metrics():
    return pytest.importorskip("sacrebleu.metrics")


@pytest.mark.parametrize("lowercase", [True, False])
def test_the_same_as_sacrebleu(metrics, lowercase):
    found = score(HYPOTHESES, REFERENCES, lowercase=lowercase)
    bleu, cased, chrf = metrics.BLEU(lowercase=lowercase), metrics.BLEU(), metrics.CHRF(lowercase=lowercase)
    assert found.bleu == bleu.corpus_score(HYPOTHESES, [REFERENCES]).score
    assert found.cased_bleu == cased.corpus_score(HYPOTHESES, [REFERENCES]).score
    assert found.chrf == chrf.corpus_score(HYPOTHESES, [REFERENCES]).score
    assert f"case:{'lc' if lowercase else 'mixed'}|" in found.bleu_signature
    assert "tok:13a|" in found.bleu_signature
    assert "case:mixed|" in found.cased_bleu_signature
    assert f"case:{'lc' if lowercase else 'mixed'}|" in found.chrf_signature
    assert found.exact == (0.25 if lowercase else 0.0)
    assert found.count == 4
    assert found.length_ratio < 1
    assert found.as_json()["bleu"] == found.bleu


def test_by_hand(metrics):
    """4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 fours; as long as the reference."""
    found = score(["the cat sat on mats"], ["the cat sat on rugs"])
    assert found.bleu == pytest.approx(100 * math.prod([4 / 5, 3 / 4, 2 / 3, 1 / 2]) ** 0.25)
    assert found.length_ratio == 1.0


def test_what_is_perfect_and_what_is_empty(metrics):
    perfect = score(REFERENCES, REFERENCES)
    assert (perfect.bleu, perfect.cased_bleu, perfect.chrf, perfect.exact) == pytest.approx((100, 100, 100, 1))
    empty = score([""] * 4, REFERENCES)
    assert (empty.bleu, empty.chrf, empty.exact, empty.length_ratio) == (0, 0, 0, 0)


def test_by_length(metrics):
    rows = by_length(HYPOTHESES, REFERENCES, SOURCES, width=5)
    assert [row[:3] for row in rows] == [(1, 5, 2), (6, 10, 1), (11, 15, 1)]
    expected = metrics.BLEU(lowercase=True).corpus_score(HYPOTHESES[1:3], [REFERENCES[1:3]]).score
    assert rows[0][3] == expected
    assert by_length(["a"], ["a"], [""])[0][:3] == (1, 5, 1)


def test_sacrebleu_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(UnrolledError, match="sacrebleu, which is not installed; pip install sacrebleu"):
        score(["a"], ["a"])


def test_lists_that_do_not_match():
    with pytest.raises(ArgumentError, match="references must be one for each of the 1 hypotheses, got 2"):
        score(["a"], ["a", "b"])
    with pytest.raises(ArgumentError, match="sources must be one for each of the 1 hypotheses, got 0"):
        by_length(["a"], ["a"], [])
    with pytest.raises(ArgumentError, match="hypotheses must be at least one, got 0"):
        score([], [])
    with pytest.raises(ArgumentError, match="width must be an integer of at least 1, got 0"):
        by_length(["a"], ["a"], ["a"], 0)

"""ROUGE against the worked examples of Lin 2004 and against its definition, and the first words as a baseline."""

import random

import numpy as np
import pytest

from unrolled.errors import ArgumentError
from unrolled.tasks.common.rouge import lcs, rouge
from unrolled.tasks.translate.lead import first_sentence, first_words, lead

REFERENCE = "police killed the gunman"  # S1 of section 3.1


def f1s(summary, reference):
    return [value / 100 for value in rouge([summary], [reference]).f1().values()]


@pytest.mark.parametrize(
    ("summary", "rouge2", "rouge_l"),
    [
        ("police kill the gunman", 1 / 3, 3 / 4),  # S2
        ("the gunman kill police", 1 / 3, 2 / 4),  # S3: ROUGE-2 does not tell it from S2
        ("the gunman police killed", 2 / 3, 2 / 4),  # S4: ROUGE-2 prefers it to S3, ROUGE-L does not
    ],
)
def test_the_examples_of_the_paper(summary, rouge2, rouge_l):
    assert f1s(summary, REFERENCE)[1:] == pytest.approx([rouge2, rouge_l])


def test_recall_precision_and_clipped_counts():
    """The well-known example of clipping: seven times "the" against two."""
    found = rouge(["the the the the the the the"], ["The cat is on the mat."])
    assert found.recall() == pytest.approx({"rouge1": 100 * 2 / 6, "rouge2": 0, "rougeL": 100 * 2 / 6})
    assert found.precisions[0].tolist() == pytest.approx([2 / 7, 0, 2 / 7])
    assert found.f1()["rouge1"] == pytest.approx(100 * 2 * (2 / 6) * (2 / 7) / (2 / 6 + 2 / 7))
    assert found.words == 7


def test_words_have_no_case_and_no_punctuation():
    assert f1s("Tram hits VAN, two injured!", "tram hits van two injured") == [1, 1, 1]
    assert f1s("Zwölf Züge", "zwölf züge") == [1, 1, 1]


def test_texts_without_words_or_pairs_have_zero():
    found = rouge(["", "one", "…"], ["one two", "one", ""])
    assert found.f1s.tolist() == [[0, 0, 0], [1, 0, 1], [0, 0, 0]]
    assert found.f1() == pytest.approx({"rouge1": 100 / 3, "rouge2": 0, "rougeL": 100 / 3})


def test_lcs_is_that_of_the_table():
    draw = random.Random(1)
    for _ in range(50):
        a, b = ([draw.choice("abcd") for _ in range(draw.randint(0, 70))] for _ in range(2))
        table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
        assert lcs(a, b) == table[-1, -1]


def test_intervals_contain_the_mean():
    references = [f"word {n} and more" for n in range(40)]
    found = rouge([text if n % 2 else "word" for n, text in enumerate(references)], references)
    for name, (low, high) in found.intervals().items():
        assert low < found.f1()[name] < high
    assert rouge(references, references).intervals() == {}


def test_lists_that_do_not_match():
    with pytest.raises(ArgumentError, match="references must be one for each of the 1 summaries, got 2"):
        rouge(["a"], ["a", "b"])
    with pytest.raises(ArgumentError, match="summaries must be at least one, got 0"):
        rouge([], [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("It rained 3.5 cm. A tram stopped.", "It rained 3.5 cm."),
        ('He said: "No!" Then he left.', 'He said: "No!"'),
        ("no end", "no end"),
        ("一。二。", "一。"),
        (" \n", ""),
    ],
)
def test_first_sentence(text, sentence):
    assert first_sentence(text) == sentence


def test_the_lead_has_as_many_words_as_a_reference():
    found = lead(["a b c d. e f"], ["a b c"])
    assert list(found) == ["first sentence", "first 3 words"]
    assert found["first 3 words"].f1()["rouge1"] == 100
    assert found["first sentence"].recalls[0, 0] == 1
    assert found["first sentence"].precisions[0, 0] == 3 / 4
    assert first_words("a  b\nc", 2) == "a b"

"""BLEU, ROUGE-L and CIDEr-D of captions against published definitions and second implementations."""

import math
from collections import Counter

import numpy as np
import pytest

from unrolled.data.captioned import Captioned, Named
from unrolled.tasks.caption.baselines import baselines, neighbours
from unrolled.tasks.caption.bleu import bleu, words
from unrolled.tasks.caption.captions import Caption, on_object, touched
from unrolled.tasks.caption.cider import Cider
from unrolled.tasks.caption.scores import rouge_l, score

NOUNS, VERBS = "dog cat man boy girl ball car tree".split(), "runs sits jumps plays".split()


def corpus(count: int, seed: int) -> tuple[list[str], list[list[str]]]:
    random = np.random.default_rng(seed)

    def sentence() -> str:
        return " ".join(random.choice([*NOUNS, *VERBS, "a", "the", "on"], random.integers(1, 12)))

    return [sentence() for _ in range(count)], [
        [sentence() for _ in range(random.integers(1, 6))] for _ in range(count)
    ]


def test_bleu_is_that_of_sacrebleu_with_the_closest_length():
    from sacrebleu.metrics import BLEU

    captions, references = corpus(60, 0)
    streams = [[texts[n] if n < len(texts) else None for texts in references] for n in range(5)]
    found = bleu([words(text) for text in captions], [[words(text) for text in texts] for texts in references])
    for n in (1, 2, 3, 4):
        wanted = BLEU(max_ngram_order=n, tokenize="none", smooth_method="none").corpus_score(captions, streams)
        assert found[n - 1] == pytest.approx(wanted.score, abs=1e-9)


def cider_of_matrices(captions: list[str], references: list[list[str]]) -> float:
    """CIDEr-D by dense vectors over all n-grams of the references and captions."""
    total = np.zeros(len(captions))
    for n in (1, 2, 3, 4):

        def grams(text: str, n: int = n) -> Counter:
            tokens = text.split()
            return Counter(tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1))

        places = {}
        for text in (*captions, *(text for texts in references for text in texts)):
            for gram in grams(text):
                places.setdefault(gram, len(places))
        frequency = np.zeros(len(places))
        for texts in references:
            for gram in set().union(*map(grams, texts)):
                frequency[places[gram]] += 1
        weight = np.log(len(references)) - np.log(np.maximum(1, frequency))

        def vector(text: str, places=places, weight=weight, grams=grams) -> np.ndarray:
            v = np.zeros(len(places))
            for gram, count in grams(text).items():
                v[places[gram]] = count * weight[places[gram]]
            return v

        for i, (caption, texts) in enumerate(zip(captions, references, strict=True)):
            a = vector(caption)
            for text in texts:
                b = vector(text)
                norms = np.linalg.norm(a) * np.linalg.norm(b)
                if norms:
                    penalty = math.exp(-((len(caption.split()) - len(text.split())) ** 2) / 72)
                    total[i] += penalty * np.minimum(a, b) @ b / norms / len(texts) / 4
    return float(10 * total.mean())


def test_cider_is_that_of_dense_vectors():
    captions, references = corpus(40, 1)
    own, others = [words(text) for text in captions], [[words(text) for text in texts] for texts in references]
    assert np.mean(Cider(others).scores(own)) == pytest.approx(cider_of_matrices(captions, references), rel=1e-9)
    perfect = Cider(others).scores([texts[0] for texts in others])
    assert max(perfect) <= 10 + 1e-9


def test_rouge_l_takes_the_best_precision_and_the_best_recall():
    caption, references = words("a dog runs fast"), [words("a dog runs"), words("the dog runs fast on grass today")]
    precision, recall = 3 / 4, 1.0
    assert rouge_l(caption, references) == pytest.approx(2.44 * precision * recall / (recall + 1.44 * precision))
    assert rouge_l([], references) == 0


def test_scores_of_captions_that_are_references():
    found = score(["A dog.", "a cat on a mat"], [["a dog", "the dog"], ["a cat on a mat"]])
    assert found.exact == 1
    assert found.distinct == 1
    assert found.bleu2 == pytest.approx(100)
    assert found.rougeL == pytest.approx(100)
    assert score(["a dog", "a dog"], [["a dog"], ["a cat"]]).distinct == 0.5


def test_baselines_use_the_captions_of_similar_pictures():
    own = np.eye(4, dtype=np.float32)
    train = Captioned(list("abcd"), [["a red dog"], ["a red dog runs"], ["a blue cat"], ["a ship"]])
    assert neighbours(own, own[2:3] + 0.1 * own[0], 2)[0] == [2, 0]
    found = baselines(train, own, own[[2, 0]])
    assert found["nearest neighbour"] == ["a blue cat", "a red dog"]
    assert len(set(found["one for all"])) == 1
    assert set(found) == {"random", "one for all", "nearest neighbour", "ten neighbours"}
    assert all(len(captions) == 2 for captions in found.values())


def test_attention_on_the_named_object_is_the_weight_in_its_box():
    assert touched((0.25, 0.0, 0.5, 0.51), 4, 4) == (slice(0, 3), slice(1, 2))
    weights = np.zeros((3, 2, 2), np.float32)
    weights[1, 0, 1], weights[1, 1, 1], weights[2, 0, 0] = 0.75, 0.25, 1
    named = [Named([-1, 0, 0], [(0.5, 0.0, 1.0, 0.5)])]
    right = Caption("a red dog", 0, 0, ["a", "red", "dog"], weights)
    assert on_object([right], [["a red dog"]], [named]) == pytest.approx((0.75 + 0) / 2)
    assert math.isnan(on_object([right], [["a blue dog"]], [named]))

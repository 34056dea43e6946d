"""Why a classifier or a tagger predicts what it does: weights that sum to a margin, and probabilities of entities."""

import itertools
import math

import numpy as np
import pytest
import torch
from small_classifiers import classifier, write_reviews

from unrolled.data.tags import entities, follows
from unrolled.tasks.tag.config import TagConfig
from unrolled.tasks.tag.explanation import explained
from unrolled.tasks.tag.task import Tagging
from unrolled.tasks.tag.trained import TrainedTagger
from unrolled.training.config import update

TEXT = "The soup was not a delight, zorblax."


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.jsonl")


def nats(prediction):
    return sum(piece.weight for piece in prediction.pieces) * prediction.scale


OPTIONS = [
    {},
    {"ngrams": 2, "pooling": "attention"},
    {"vocabulary": "char", "embeddings": "one-hot", "embedding_size": None, "pooling": "last", "cell": "gru"},
    {"vocabulary": "bpe", "vocab_size": 280, "pooling": "mean", "bidirectional": False},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_weights_of_a_class_sum_to_its_margin(reviews, options):
    model = classifier(reviews, **options)
    [said] = model.predict([TEXT], explain=True)
    p = said.probabilities
    other = next(name for name in model.classes if name != said.answer)
    assert (said.margin.chosen, said.margin.other) == (said.answer, other)
    assert said.margin.value == pytest.approx(math.log(p[said.answer] / p[other]), abs=1e-4)
    change = said.margin.value - said.margin.baseline
    assert nats(said) == pytest.approx(change, abs=0.02 * max(1, abs(change)) + 1e-4)
    assert max(abs(piece.weight) for piece in said.pieces) == 1
    for piece in said.pieces:
        assert not piece.weight or piece.speaks_for == (said.answer if piece.weight > 0 else other)
    unknown = {piece.text for piece in said.pieces if piece.unknown}
    assert unknown == ({"zorblax"} if options.get("vocabulary", "word") == "word" else set())


def test_certainty_does_not_hide_the_weights(reviews):
    model = classifier(reviews, pooling="mean")
    [before] = model.predict([TEXT], explain=True)
    with torch.no_grad():
        model.model.head.weight.mul_(200)
        model.model.head.bias.mul_(200)
    [after] = model.predict([TEXT], explain=True)
    assert after.probabilities[after.answer] > 1 - 1e-12
    assert after.scale == pytest.approx(200 * before.scale, rel=0.02)
    assert [piece.weight for piece in after.pieces] == pytest.approx([p.weight for p in before.pieces], abs=0.02)


def test_of_many_classes_the_margin_is_against_the_runner_up(tmp_path):
    path = tmp_path / "abc.txt"
    path.write_text("".join(f"{label} {label * 3} so it is\n" for label in "abcd" for _ in range(9)))
    model = classifier(path)
    [said] = model.predict(["bbb so it is"], explain=True)
    first, second = sorted(said.probabilities, key=said.probabilities.get, reverse=True)[:2]
    assert (said.answer, said.margin.other) == (first, second)
    assert {piece.speaks_for for piece in said.pieces if piece.weight} <= {first, second}


def tagger(path, **options):
    """A tagger with random weights, whose answers differ."""
    path.write_text("Ann B-per\nLee I-per\nmet O\n\nin O\nBonn B-loc\n\n" * 3)
    small = {"hidden_size": 5, "embedding_size": 4, "characters": "none", "fractions": (1.0, 0.0, 0.0), "dropout": 0.0}
    config = update(TagConfig(), data=str(path), **small | options)
    task = Tagging(config)
    task.prepare()
    torch.manual_seed(3)
    model = task.build_model()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p))
        model.head.bias[0] -= 3  # O
    return TrainedTagger(model, task.lexicon, task.tags, config)


def every_tagging(model, words):
    """The probability of every sequence of tags, from log-likelihoods."""
    batch = model.lexicon.read([words])
    with torch.no_grad():
        scores = model.model(batch).double()
        found = {}
        for y in itertools.product(range(len(model.tags)), repeat=len(words)):
            tags = [model.tags.tags[k] for k in y]
            if model.model.crf is None or all(
                follows(a, b, model.tags.scheme) for a, b in itertools.pairwise(["O", *tags, "O"])
            ):
                log_p = model.model.log_likelihood(scores, torch.tensor(y).unsqueeze(1), batch.lengths)
                found[tuple(tags)] = math.exp(float(log_p))
    assert sum(found.values()) == pytest.approx(1, abs=1e-4)
    return found


SENTENCES = [["in", "Ann", "Lee", "met"], ["Bonn", "Ann", "met"], ["Lee", "Lee"], ["Bonn"], ["met", "Bonn", "Bonn"]]


@pytest.mark.parametrize("options", [{"crf": True}, {"crf": True, "tagging": "iobes"}])
def test_an_entity_has_the_probability_of_all_taggings_that_have_it(tmp_path, options):
    model = tagger(tmp_path / "a.conll", **options)
    tags, chances = model.tag_with_probabilities(SENTENCES)
    assert tags == model.tag(SENTENCES)
    checked = 0
    for words, row, chance in zip(SENTENCES, tags, chances, strict=True):
        every = every_tagging(model, words)
        for entity in entities(row):
            expected = sum(p for y, p in every.items() if entity in entities(y))
            assert chance[entity.start] == pytest.approx(expected, abs=1e-4)
            checked += 1
    assert checked >= 4


def test_without_a_crf_it_is_a_product(tmp_path):
    model = tagger(tmp_path / "a.conll", crf=False)
    words = ["in", "Ann", "Lee", "met"]
    [tags], [chances] = model.tag_with_probabilities([words])
    p = model.probabilities(words)
    for entity in entities(tags):
        expected = np.prod([max(p[t].values()) for t in range(entity.start, entity.stop)])
        if entity.stop < len(words):
            expected *= 1 - p[entity.stop][f"I-{entity.type}"]
        assert chances[entity.start] == pytest.approx(expected, rel=1e-5)
    assert entities(tags)


def test_plain_tags_have_their_probabilities(tmp_path):
    path = tmp_path / "a.conll"
    model = tagger(path, scheme="plain")
    [said] = model.predict(["Ann met Bonn"])
    p = model.probabilities(["Ann", "met", "Bonn"])
    assert [piece.probability for piece in said.pieces if piece.label] == pytest.approx(
        [max(row.values()) for row in p]
    )


@pytest.mark.parametrize("crf", [True, False])
def test_the_weights_of_an_entity_sum_to_its_margin(tmp_path, crf):
    model = tagger(tmp_path / "a.conll", crf=crf)
    found = 0
    for words in SENTENCES:
        [tags] = model.tag([words])
        p = model.probabilities(words)
        for entity, reason in zip(entities(tags), explained(model, words, entities(tags)), strict=True):
            margin, weights = reason
            change = margin.value - margin.baseline
            assert sum(weights) == pytest.approx(change, abs=0.02 * max(1, abs(change)) + 1e-4)
            assert margin.own == pytest.approx(sum(weights[entity.start : entity.stop]))
            by_type = [
                {kind: sum(row[tag] for tag in row if tag.endswith(kind)) for kind in ("O", "per", "loc")}
                for row in p[entity.start : entity.stop]
            ]
            other = "O" if margin.other == "no entity" else margin.other
            expected = np.mean([math.log(row[entity.type] / row[other]) for row in by_type])
            assert margin.value == pytest.approx(expected, abs=1e-3)
            found += 1
    assert found >= 4


def test_a_long_sentence_is_explained_stretch_by_stretch(tmp_path):
    model = tagger(tmp_path / "a.conll", crf=True, max_words=3)
    [said] = model.predict(["in Bonn met Ann Lee met in Bonn"], explain=True)
    [short] = model.predict(["in Bonn met"], explain=True)
    assert said.pieces[0].text == "in" or said.pieces[0].label
    first, alone = (next(p for p in one.pieces if p.label) for one in (said, short))
    assert (first.text, first.margin) == (alone.text, alone.margin)
    assert first.probability == pytest.approx(alone.probability)

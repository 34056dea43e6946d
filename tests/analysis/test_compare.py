"""Two models over one text, against passes over the whole text."""

import json

import numpy as np
import pytest
import torch
from small_models import SYMBOLS, handle, some_text

from unrolled.analysis.compare import compare
from unrolled.analysis.text_windows import as_split, token_kind
from unrolled.data import CharVocabulary
from unrolled.errors import ArgumentError
from unrolled.tasks.lm.feedforward import FeedForward
from unrolled.tasks.lm.ngram import NGram
from unrolled.tasks.lm.trained import TrainedLanguageModel


@torch.no_grad()
def log_p(trained, text):
    ids = torch.tensor(trained.vocabulary.encode(text).astype(np.int64))
    logits, _ = trained.model(ids[:-1, None])
    return logits[:, 0].log_softmax(-1).gather(1, ids[1:, None])[:, 0].numpy()


def test_differences_by_position_and_class():
    a, b, text = handle("lstm"), handle("gru", 5, seed=1), some_text(200)
    found = compare(a, b, text, most=7, window=33)
    expected = log_p(b, text) - log_p(a, text)
    np.testing.assert_allclose(found.differences, expected, atol=1e-5)
    for name, count, total in zip(found.classes, found.counts, found.sums, strict=True):
        there = np.array([token_kind(symbol) == name for symbol in text[1:]])
        assert count == there.sum()
        assert total == pytest.approx(expected[there].sum(), abs=1e-3)
        loss = found.losses[found.classes.index(name)]
        assert loss == pytest.approx(-log_p(a, text)[there].sum(), abs=1e-3)
    assert found.mean == pytest.approx(expected.mean(), abs=1e-5)
    best = np.argsort(-expected)[:7]
    assert [place.position for place in found.gained] == [n + 1 for n in best]
    assert [place.position for place in found.lost] == [n + 1 for n in np.argsort(expected)[:7]]
    place = found.gained[0]
    for p, model in ((place.p_a, a), (place.p_b, b)):
        assert p == pytest.approx(np.exp(log_p(model, text)[place.position - 1]), rel=1e-4)
    assert text[place.position] == place.symbol
    assert text.startswith(place.before[-5:] + place.symbol + place.after[:5], place.position - len(place.before[-5:]))
    written = json.loads(json.dumps(found.as_json(positions=True)))
    assert len(written["differences"]) == 199
    assert "differences" not in found.as_json()


def test_lanes_put_every_difference_in_its_place():
    a, b, text = handle("rnn"), handle("gru", seed=1), some_text(2000)
    one, many = compare(a, b, text), compare(a, b, text, lanes=7, window=50)
    np.testing.assert_allclose(many.differences, one.differences, atol=0.02)
    assert np.abs(one.differences).max() > 1


def test_with_itself_there_is_no_difference():
    trained, text = handle(), some_text(300)
    found = compare(trained, trained, text)
    assert not found.differences.any()
    assert found.gained == found.lost == []


def test_a_model_of_another_kind_can_be_compared():
    torch.manual_seed(0)
    vocabulary, text = CharVocabulary(SYMBOLS), some_text(50)
    counted = NGram.fit(as_split(handle(), some_text(300)), len(SYMBOLS), 2)
    for model in (FeedForward(len(SYMBOLS), 3, 4, 5), counted):
        other = TrainedLanguageModel(model, vocabulary)
        found = compare(handle(), other, text)
        np.testing.assert_allclose(found.differences, log_p(other, text) - log_p(handle(), text), atol=1e-5)


def test_errors():
    a = handle()
    b = TrainedLanguageModel(a.model, CharVocabulary(SYMBOLS[:-1] + "x"))
    with pytest.raises(
        ArgumentError, match="a, b must be models with the same vocabulary, got '10 and 10 char tokens'"
    ):
        compare(a, b, "abc")

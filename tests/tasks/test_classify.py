"""Classification: what it learns, that padding changes nothing, its figures by hand, and bad input."""

import json

import numpy as np
import pytest
import torch

import unrolled
from unrolled.data.batches import pad
from unrolled.data.generated_reviews import reviews
from unrolled.data.labelled import Examples
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.results import Prediction
from unrolled.tasks import task_class
from unrolled.tasks.classify.config import Answer, ClassifyConfig
from unrolled.tasks.classify.model import Classifier
from unrolled.tasks.classify.task import Classification
from unrolled.tasks.classify.text_input import TextOptions
from unrolled.tasks.classify.trained import TrainedClassifier
from unrolled.tasks.common.class_measures import scores
from unrolled.tasks.common.prediction import Predictor
from unrolled.tasks.common.recurrent import Recurrent
from unrolled.training.config import update


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file of reviews as people keep them."""
    made = reviews(3, 1500)
    path = tmp_path_factory.mktemp("data") / "reviews.jsonl"
    rows = ({"text": text, "label": label} for text, label in zip(made.texts, made.labels, strict=True))
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, path):
    folder = tmp_path_factory.mktemp("runs") / "reviews"
    unrolled.train(
        "classify", data=str(path), run=folder, hidden_size=32, embedding_size=32, epochs=15, lr=0.01, ema_decay=0.98
    )
    return folder


@pytest.fixture(scope="module")
def model(run):
    return unrolled.load(run)


def test_it_learns_what_counting_words_cannot_tell(model):
    fresh = reviews(99, 400)
    assert model.evaluate(fresh)["accuracy"] > 0.97
    said = model.predict(
        [
            "The soup was stale, but the bread was a delight.",
            "The soup was a delight, but the bread was stale.",
            "The plot was far from dull.",
        ]
    )
    assert [one.answer for one in said] == ["positive", "negative", "positive"]
    assert all(abs(sum(one.probabilities.values()) - 1) < 1e-9 for one in said)
    assert isinstance(model, Predictor)


def test_explanations_name_the_words(model):
    (said,) = model.predict(["The view was dreadful."], explain=True)
    assert "".join(piece.text for piece in said.pieces) == said.text
    weights = {piece.text: piece.weight for piece in said.pieces}
    assert max(weights, key=lambda word: abs(weights[word])) == "dreadful"
    assert weights["dreadful"] == 1.0
    assert [one["text"] for one in said.as_json()["pieces"] if one["weight"] == 1] == ["dreadful"]


def test_a_run_that_is_opened_says_the_same(run, model):
    again = unrolled.load(run / "model.safetensors")
    texts = reviews(5, 20).texts
    assert np.array_equal(again.probabilities(texts), model.probabilities(texts))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_buckets_padding_and_one_at_a_time_agree(cell, pooling, bidirectional):
    torch.manual_seed(0)
    config = ClassifyConfig(
        model=Recurrent(cell=cell, hidden_size=9, num_layers=2),
        answer=Answer(pooling=pooling, bidirectional=bidirectional),
    )
    net = Classifier(20, 3, config).eval()
    draw = np.random.default_rng(0)
    sequences = [draw.integers(0, 20, n) for n in (1, 9, 4, 30, 2)]
    with torch.no_grad():
        together = net(*pad(sequences))
        alone = torch.cat([net(*pad([sequence])) for sequence in sequences])
        packed = torch.cat([net(*pad([sequences[i] for i in chosen])) for chosen in ([0, 4, 2], [1, 3])])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(packed, alone[[0, 4, 2, 1, 3]], rtol=1e-5, atol=1e-6)


def test_every_kind_of_symbol_and_embedding_learns(tmp_path):
    draw = np.random.default_rng(0)
    words = {"up": ["good", "fine", "yes"], "down": ["bad", "poor", "no"]}
    rows = [f"{label} so {draw.choice(words[label])} it is" for label in draw.choice(list(words), 400)]
    path = tmp_path / "words.txt"
    path.write_text("\n".join(rows))
    for options in (
        {"vocabulary": "char", "embeddings": "one-hot"},
        {"vocabulary": "byte", "embedding_size": 8},
        {"vocabulary": "bpe", "vocab_size": 300, "pooling": "attention"},
        {"cell": "gru", "reset_after": False, "pooling": "mean", "class_weights": "balanced", "label_smoothing": 0.1},
    ):
        config = update(ClassifyConfig(), data=str(path), steps=40, hidden_size=16, dropout=0.0, lr=0.01, **options)
        task = Classification(config)
        task.prepare()
        torch.manual_seed(0)
        net = task.build_model()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        losses = []
        for step in range(40):
            loss, _ = task.loss(net, task.batch(step), None)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5]), options


def test_class_weights_are_one_on_average(path):
    config = update(ClassifyConfig(), data=str(path), class_weights="balanced")
    task = Classification(config)
    task.prepare()
    assert task.weights[task.labels].mean() == pytest.approx(1)
    counts = torch.bincount(task.labels).float()
    assert (task.weights * counts).tolist() == pytest.approx([len(task.labels) / 2] * 2)


def test_figures_by_hand():
    p = np.array([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.2, 0.8, 0.0], [0.7, 0.3, 0.0]])
    found = scores(p, np.array([0, 0, 1, 1]), ["a", "b", "never"])
    assert found.loss == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.3]).mean())
    assert found.accuracy == 0.5
    assert found.confusion.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert found.macro_f1 == pytest.approx(0.5)
    assert found.calibration_error == pytest.approx((0.1 + 0.6 + 0.2 + 0.7) / 4)


def test_scikit_learn_agrees():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    draw = np.random.default_rng(0)
    p = draw.dirichlet([0.5] * 5, 300)
    true = draw.integers(0, 5, 300)
    found = scores(p, true, list("abcde"))
    assert found.loss == pytest.approx(metrics.log_loss(true, p, labels=range(5)))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(true, p.argmax(1), average="macro"))
    assert found.confusion.tolist() == metrics.confusion_matrix(true, p.argmax(1)).tolist()


def test_a_blank_text_has_an_empty_answer_in_its_place(model):
    for texts in (["fine", "", " \u2028\n", "dreadful"], iter(["fine", "", " \u2028\n", "dreadful"])):
        first, *blank, last = model.predict(texts, explain=True)
        assert blank == [Prediction(""), Prediction(" \u2028\n")]
        assert [first, last] == model.predict(["fine", "dreadful"], explain=True)
    assert model.predict([]) == []
    assert model.predict(np.array(["fine"])) == model.predict(["fine"])


@pytest.mark.parametrize("texts", ["good", b"good", None, 5, ["good", None], [b"good"], {"good": 1}, {"good"}])
def test_texts_that_are_no_list_of_texts(model, texts):
    with pytest.raises(ArgumentError, match=r"^texts(\[\d\])? must be a (list of strings|string), got "):
        model.predict(texts)


def test_bad_input(model, tmp_path, path):
    with pytest.raises(DataError, match=r"'mixed'.*none of the model's classes: negative, positive"):
        model.evaluate(Examples(["so so"], ["mixed"]))
    one = tmp_path / "one.txt"
    one.write_text("x some text\n" * 30)
    with pytest.raises(DataError, match="only the class 'x'"):
        unrolled.train("classify", data=str(one), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ArgumentError, match="omitted with --data trec"):
        Classification(update(ClassifyConfig(), data="trec", text_column="nope")).prepare()
    with pytest.raises(ArgumentError, match="omitted without --ngrams"):
        Answer(ngram_size=8)
    with pytest.raises(ArgumentError, match="no such option"):
        update(ClassifyConfig(), cell="gru", peepholes=True)


def test_a_text_of_a_hundred_thousand_words_is_read_whole(model):
    long = "the view was dull and " * 20_000
    (said,) = model.predict([long])
    assert said.answer in model.classes
    assert len(model.reader.encode(long)) == 100_000


def test_a_model_file_that_lies_is_refused(run, model):
    from unrolled.training import modelfile

    file = modelfile.load(run / "model.safetensors")
    for classes in (None, ["a"], [1, 2], ["a", "b", "c"]):
        with pytest.raises(RunError):
            TrainedClassifier.from_file(
                file._replace(assets={**file.assets, "classes": classes}), model.config, Classifier
            )


def test_the_texts_must_be_those_it_learned_from(run, tmp_path):
    model = unrolled.load(run)
    model.fingerprint = "other"
    with pytest.raises(RunError, match=r"the data .* has changed since the model was trained"):
        model.evaluate_data()


def test_it_is_in_the_table():
    assert task_class("classify") is Classification
    assert TextOptions().vocabulary == "word"

"""The convolutional classifier: its logits against a computation by hand, and the model in every command."""

import json

import numpy as np
import pytest
import torch
from small_classifiers import classifier, write_reviews

import unrolled
from unrolled.cli import main
from unrolled.data.batches import pad
from unrolled.errors import ArgumentError, RunError
from unrolled.tasks.classify.cnn import ConvolutionalClassifier
from unrolled.tasks.classify.config import ClassifyConfig
from unrolled.training.config import from_toml, to_toml, update

OPTIONS = {"kind": "cnn", "filters": [1, 3], "maps": 8, "embedding_size": 8}
SMALL = {"kind": "cnn", "filters": (2, 3), "maps": 4, "embedding_size": 5}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return ConvolutionalClassifier(9, 3, update(ClassifyConfig(), **SMALL)).eval()


def by_hand(network, text):
    """Kim's equations, window by window."""
    x = network.embedding.table.weight.detach()[text]
    v = []
    for h, filters in zip((2, 3), network.filters, strict=True):
        zeros = torch.zeros(h - 1, 5)
        padded = torch.cat([zeros, x, zeros])
        windows = [padded[at : at + h] for at in range(len(text) + h - 1)]
        for weight, bias in zip(filters.weight.detach(), filters.bias.detach(), strict=True):
            v.append(max(0.0, *(float((window * weight.t()).sum() + bias) for window in windows)))
    return network.head.weight.detach() @ torch.tensor(v) + network.head.bias.detach()


def test_logits_are_those_of_the_equations_for_texts_of_any_length(network):
    texts = [np.array(text) for text in ([4], [1, 8], [3, 3, 0], [5, 1, 2, 7, 6, 4, 8])]
    logits = network(*pad(texts))
    for row, text in zip(logits, texts, strict=True):
        torch.testing.assert_close(row, by_hand(network, text))
        torch.testing.assert_close(row, network(*pad([text]))[0])  # padding of the batch has no effect


def test_scaled_embeddings(network):
    ids, lengths = pad([np.array([5, 1, 2]), np.array([4])])
    torch.testing.assert_close(network.scaled(ids, lengths, torch.ones(3, 2, 1)), network(ids, lengths))
    nothing = network.scaled(ids, lengths, torch.zeros(3, 2, 1))
    biases = torch.cat([filters.bias for filters in network.filters]).relu()
    torch.testing.assert_close(nothing, (network.head(biases)).expand(2, 3))


def test_one_hot_embeddings_are_products_with_the_filters():
    config = update(ClassifyConfig(), kind="cnn", filters=(2,), maps=3, embeddings="one-hot")
    network = ConvolutionalClassifier(6, 2, config).eval()
    [filters] = network.filters
    weight = filters.weight.detach()  # (3, 6, 2)
    windows = [weight[:, 4, 1], weight[:, 4, 0] + weight[:, 2, 1], weight[:, 2, 0]]
    v = (torch.stack(windows).amax(0) + filters.bias).relu()
    torch.testing.assert_close(network(*pad([np.array([4, 2])]))[0], network.head(v))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cnn")
    data = write_reviews(folder / "reviews.jsonl", 60)
    unrolled.train("classify", data=data, **OPTIONS, steps=10, eval_every=5, run=folder / "run")
    return folder / "run"


def test_it_is_a_model_for_every_command(run, capsys, monkeypatch):
    assert main(["evaluate", str(run), "--json"]) == 0
    assert 0 < json.loads(capsys.readouterr().out)["loss"] < 0.8
    assert main(["inspect", str(run), "--data", "text:good or bad"]) != 0
    assert "a ConvolutionalClassifier has no recurrent layers, so there are no units" in capsys.readouterr().err
    monkeypatch.setenv("UNROLLED_RUNS", str(run.parent))
    assert main(["runs"]) == 0
    assert "cnn 1,3×8" in capsys.readouterr().out
    model = unrolled.load(run)
    with pytest.raises(RunError, match="cannot be inspected if its kind is cnn: it has no recurrent layers"):
        model.reading("good")
    assert model.modules().step is None
    with pytest.raises(RunError, match="it reads a window of tokens at once; train one with --kind recurrent"):
        model.streaming()


def test_the_weights_of_the_words_sum_to_the_margin(tmp_path):
    model = classifier(write_reviews(tmp_path / "reviews.jsonl"), num_layers=1, hidden_size=128, dropout=0.5, **SMALL)
    for text in ("The soup was stale.", "soup"):
        [answer] = model.predict([text], explain=True)
        nats = sum(piece.weight or 0 for piece in answer.pieces) * answer.scale
        tolerance = max(0.02, 0.02 * abs(answer.margin.value))
        assert answer.margin.baseline + nats == pytest.approx(answer.margin.value, abs=tolerance)


def test_a_resumed_run_equals_an_uninterrupted_one(run, tmp_path):
    data = run.parent / "reviews.jsonl"
    unrolled.train("classify", data=data, **OPTIONS, steps=10, eval_every=5, until=9.0, run=tmp_path / "run")
    assert unrolled.resume(tmp_path / "run", until=0.0).steps == 10
    whole, part = (unrolled.load(folder).model.state_dict() for folder in (run, tmp_path / "run"))
    assert all(torch.equal(whole[name], part[name]) for name in whole)


@pytest.mark.parametrize(("name", "value"), [("hidden_size", 9), ("pooling", "mean"), ("ngrams", 2), ("cell", "gru")])
def test_options_without_effect_are_refused(name, value):
    with pytest.raises(ArgumentError, match=f"{name} must be omitted with --kind cnn, which has no such option"):
        update(ClassifyConfig(), kind="cnn", **{name: value})
    for kind in ("recurrent", "bag"):
        with pytest.raises(ArgumentError, match=f"maps must be omitted with --kind {kind}, which has no such option"):
            update(ClassifyConfig(), kind=kind, maps=3)


@pytest.mark.parametrize("filters", [(), (0,), (3, 3), (101,), tuple(range(1, 18))])
def test_widths_are_checked(filters):
    with pytest.raises(ArgumentError, match="filters must be 1 to 16 different widths from 1 to 100"):
        update(ClassifyConfig(), kind="cnn", filters=filters)


def test_a_list_of_integers_is_an_option(capsys):
    config = update(ClassifyConfig(), kind="cnn", filters=[2, 7])
    assert from_toml(ClassifyConfig(), to_toml(config, "classify"), "config.toml").baseline.filters == (2, 7)
    with pytest.raises(ArgumentError, match="filters must be an integer"):
        update(ClassifyConfig(), kind="cnn", filters=["3"])
    for value in ("x", "", "3,x"):
        assert main(["train", "classify", "--kind", "cnn", "--filters", *value.split()]) == 2
        assert "error: --filters must be followed by integers, got " in capsys.readouterr().err

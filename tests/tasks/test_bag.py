"""The bag of words: its features and weights against a computation by hand, and the model in every command."""

import json
import math
import random
from itertools import pairwise

import numpy as np
import pytest
import torch
from small_classifiers import write_reviews

import unrolled
from unrolled.cli import main
from unrolled.data.batches import pad
from unrolled.errors import ArgumentError, RunError
from unrolled.tasks.classify import task as classify_task
from unrolled.tasks.classify.bag import Bag
from unrolled.tasks.classify.bag_fit import STRENGTHS, fit_bag
from unrolled.tasks.classify.config import ClassifyConfig
from unrolled.tasks.classify.task import Classification
from unrolled.training.config import update

WORDS = 6


def made_texts(count=40, seed=1):
    """Texts of two classes; the second has more of word 5."""
    draw = random.Random(seed)
    labels = [n % 2 for n in range(count)]
    texts = [[draw.choice([0, 1, 2, 3, 4, *[5] * 4 * label]) for _ in range(draw.randint(1, 9))] for label in labels]
    return [np.array(text) for text in texts], torch.tensor(labels)


def by_hand(text, texts):
    """The features of a text: a dict, from words and pairs."""

    def terms(text):
        ids = text.tolist()
        return [*ids, *pairwise(ids)]

    held = [set(terms(other)) for other in texts]
    known = set().union(*held)
    x = {}
    for term in set(terms(text)) & known:
        idf = 1 + math.log((1 + len(texts)) / (1 + sum(term in other for other in held)))
        x[term] = idf * (1 + math.log(terms(text).count(term)))
    norm = math.sqrt(sum(value * value for value in x.values()))
    return {term: value / norm for term, value in x.items()}


def number(term):
    return term + 1 if isinstance(term, int) else (term[0] + 1) * (WORDS + 1) + term[1] + 1


@pytest.fixture(scope="module")
def fitted():
    texts, labels = made_texts()
    return fit_bag(texts, labels, WORDS, 2), texts, labels


def dense(model, texts, known):
    x = torch.zeros(len(texts), len(model.terms), dtype=torch.float64)
    for row, text in enumerate(texts):
        for term, value in by_hand(text, known).items():
            x[row, int(torch.searchsorted(model.terms, number(term)))] = value
    return x


def test_logits_are_those_of_features_by_hand(fitted):
    model, texts, _ = fitted
    others = [*made_texts(10, seed=2)[0], np.array([0])]
    expected = dense(model, others, texts) @ model.weight.double() + model.bias.double()
    torch.testing.assert_close(model(*pad(others)).double(), expected, rtol=1e-5, atol=1e-5)


def test_weights_are_the_minimum_for_one_of_the_strengths(fitted):
    model, texts, labels = fitted
    x, weight = dense(model, texts, texts), model.weight.detach().double()
    error = (x @ weight + model.bias.detach().double()).softmax(1) - torch.nn.functional.one_hot(labels, 2)
    slope = x.t() @ error
    gaps = [float((strength * slope + weight).abs().max() / strength) for strength in STRENGTHS]
    assert min(gaps) < 1e-2 * float(slope.abs().max())
    assert float(weight.abs().max()) > 0.1


def test_a_token_that_is_scaled_to_nothing_contributes_nothing(fitted):
    model = fitted[0]
    ids, lengths = pad([np.array([5, 1, 5])])
    present = torch.ones(3, 1, 1, requires_grad=True)
    logits = model.scaled(ids, lengths, present)
    [slope] = torch.autograd.grad(logits[0, 1], present)
    torch.testing.assert_close(slope.sum(), (logits - model.bias)[0, 1].detach())  # a linear model
    torch.testing.assert_close(model.scaled(ids, lengths, torch.zeros(3, 1, 1))[0], model.bias)


def test_a_text_without_a_known_word_has_the_bias():
    model = fit_bag([np.array([1, 2]), np.array([3])], torch.tensor([0, 1]), WORDS, 2)
    torch.testing.assert_close(model(*pad([np.array([0, 0]), np.array([1])]))[0], model.bias)


@pytest.mark.parametrize("damage", ["terms", "weight", "idf", "more"])
def test_damaged_tensors_are_refused(fitted, damage):
    tensors = {name: tensor.clone() for name, tensor in fitted[0].state_dict().items()}
    if damage == "more":
        tensors["other"] = torch.zeros(1)
    else:
        tensors[damage] = tensors[damage].flip(0) if damage == "terms" else tensors[damage][1:]
    with pytest.raises(RunError, match="the tensors in the model file are not a bag of words; restore it"):
        Bag.from_tensors(tensors, WORDS, 2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bag")
    write_reviews(folder / "reviews.jsonl", 300)
    unrolled.train("classify", data=folder / "reviews.jsonl", kind="bag", run=folder / "run")
    return folder / "run"


def test_it_is_a_model_for_every_command(run, capsys, tmp_path):
    assert main(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] > 0.55
    assert main(["predict", str(run), "The soup was great, but the bread was awful.", "--explain", "--json"]) == 0
    pieces = json.loads(capsys.readouterr().out.splitlines()[0])
    assert "bread" in json.dumps(pieces)
    assert main(["inspect", str(run), "--data", "text:good or bad"]) != 0
    assert "a Bag has no recurrent layers" in capsys.readouterr().err
    assert main(["resume", str(run)]) != 0
    assert "was fitted at once and cannot be resumed" in capsys.readouterr().err
    model = unrolled.load(run)
    with pytest.raises(RunError, match="cannot be inspected if its kind is bag: it has no recurrent layers"):
        model.reading("good")
    assert model.modules().step is None
    with pytest.raises(RunError, match="a bag counts the words of the whole text"):
        model.streaming()


@pytest.mark.parametrize(("name", "value"), [("hidden_size", 9), ("steps", 5), ("ngrams", 2), ("embedding_size", 4)])
def test_options_that_a_bag_ignores_are_refused(name, value):
    with pytest.raises(ArgumentError, match=f"{name} must be omitted with --kind bag, which has no such option"):
        update(ClassifyConfig(), kind="bag", **{name: value})


@pytest.fixture
def offering(run):
    task = Classification(update(ClassifyConfig(), data=str(run.parent / "reviews.jsonl"), lowercase=False))
    task.prepare()
    return task


class Certain(torch.nn.Module):
    """Stands for a network that gives the true class of every ``wrong``-th text, and else another, a probability."""

    def __init__(self, task, right, probability):
        super().__init__()
        self.task, self.right, self.probability = task, right, probability

    def probabilities(self, texts):
        true = [self.task.classes.index(label) for label in self.task.sets.valid.labels]
        rows = np.full((len(texts), 2), 1 - self.probability)
        for n, label in enumerate(true):
            rows[n, label if n < self.right * len(true) else 1 - label] = self.probability
        return rows


@pytest.mark.parametrize(
    ("right", "probability", "verdict"),
    [(1.0, 0.99, None), (0.0, 0.9, "better"), (1.0, 0.55, "about as good"), (0.1, 0.501, "better")],
)
def test_a_bag_is_offered_unless_the_network_is_clearly_better(offering, monkeypatch, right, probability, verdict):
    handle = offering._handle
    monkeypatch.setattr(offering, "_handle", lambda model: model if isinstance(model, Certain) else handle(model))
    offer = offering.offer(Certain(offering, right, probability))
    assert (offer is None) == (verdict is None)
    if offer is not None:
        assert offer.reason.startswith(f"a bag of words is {verdict} on the 30 validation texts: accuracy 0.")
        data = offering.config.data.data
        assert offer.command == ("train", "classify", "--data", data, "--no-lowercase", "--kind", "bag")


def test_large_data_is_not_compared(offering, monkeypatch):
    for name in ("SMALL", "SMALL_TOKENS"):
        with monkeypatch.context() as patch:
            patch.setattr(classify_task, name, 100)
            assert offering.offer(torch.nn.Module()) is None


def test_the_offered_command_can_be_run(offering, tmp_path, capsys):
    offer = offering.offer(offering._bag())
    assert main([*offer.command, "--run", str(tmp_path / "run")]) == 0
    assert f"unrolled predict {tmp_path / 'run'} '" in capsys.readouterr().out
    assert len(offering.example()) <= 60

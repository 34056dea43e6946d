"""What evaluate, sample and a step-by-step program ask of a language model of any kind, against its own methods."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from torch.utils._pytree import tree_leaves

import unrolled
from unrolled.analysis import clamp
from unrolled.data import encode_text, open_corpus, vocabulary_from_json
from unrolled.decoding import Sampling
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.results import Report, SamplePiece
from unrolled.tasks.common.standard_input import standard_input
from unrolled.tasks.lm.evaluation import Evaluate
from unrolled.tasks.lm.sampling import Sample
from unrolled.tasks.lm.task import LanguageModelling
from unrolled.tasks.lm.trained import TrainedLanguageModel

TRAINED = {"hidden_size": 8, "bptt": 5, "batch_size": 3, "steps": 20, "eval_every": 20, "preview_length": 5, "lr": 0.01}
OPTIONS = {
    "recurrent": {**TRAINED, "num_layers": 1},
    "transformer": {**TRAINED, "kind": "transformer", "num_layers": 1, "heads": 2, "context": 6},
    "feedforward": {**TRAINED, "kind": "feedforward", "context": 3},
    "ngram": {"kind": "ngram", "order": 3},
}
HELD = ("layer 1 c[5]=2", "layer 1 h[3]=-0.5")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "cats.txt"
    path.write_text("the cat sat on a mat.\na rat saw the cat.\n" * 100)
    return path


@pytest.fixture(scope="module")
def models(text, tmp_path_factory) -> dict[str, TrainedLanguageModel]:
    runs = tmp_path_factory.mktemp("runs")
    return {kind: unrolled.train("lm", run=runs / kind, data=str(text), **o) for kind, o in OPTIONS.items()}


@pytest.fixture(params=OPTIONS)
def model(models, request) -> TrainedLanguageModel:
    return models[request.param]


def held(model: TrainedLanguageModel):
    """The units of `HELD`."""
    return clamp(model.model, {(0, 0, 5): 2.0}, leaf="c"), clamp(model.model, {(0, 0, 3): -0.5})


# Evaluation


def test_an_evaluation_has_the_figures_of_evaluate(model, text):
    report = model.evaluation(Evaluate(split="heldout"))
    name, split = model.own_text("heldout")
    assert name == f"{text}, heldout"
    expected = model.metrics(split)
    assert {key: report.values[key] for key in expected} == expected
    assert list(report.values) == ["model", "parameters", "text", "symbols", "seconds", *expected]
    assert report.values["symbols"] == len(split) == 410
    assert report.values["parameters"] == model.size
    lines = report.plain().splitlines()
    assert lines[:6] == [
        f"text        {text}, heldout",
        f"loss        {expected['loss']:.4f} nats per token",
        f"            {expected['bits_per_char']:.4f} bits per character",
        f"perplexity  {expected['perplexity']:.4f} per token",
        "size        410 tokens, 410 characters",
        "state       carried through the text",
    ]


def test_an_evaluation_starts_afresh_and_tells_how_far_it_is(models):
    model, told = models["recurrent"], list[int]()

    class Progress:
        def __init__(self, total, unit):
            assert (total, unit) == (15, "tokens")

        def __enter__(self):
            return told.append

        def __exit__(self, *error):
            told.append(-1)

    report = model.evaluation(Evaluate(data="text:the cat on a mat", fresh=4), Progress)
    split = encode_text(open_corpus("text:the cat on a mat"), model.vocabulary)
    assert report.values["loss"] == model.evaluate(split, fresh_windows=4)["loss"]
    assert "state       reset every 4 tokens" in report.plain().splitlines()
    assert told[-2:] == [15, -1]


def test_units_are_held_while_it_is_evaluated(models):
    model = models["recurrent"]
    _, split = model.own_text("test")
    plain = model.evaluate(split)["loss"]
    report = model.evaluation(Evaluate(clamp=HELD))
    one, other = held(model)
    with one, other:
        expected = model.evaluate(split)["loss"]
    assert report.values["loss"] == expected != plain
    assert report.values["clamp"] == HELD
    assert "held        layer 1 h[3]=-0.5" in report.plain().splitlines()
    assert model.evaluate(split)["loss"] == plain


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "window must be"),
        ({"lanes": 0}, "lanes must be"),
        ({"fresh": -1}, "fresh must be"),
        ({"data": "a.txt", "split": "test"}, "split must be omitted with --data"),
        ({"encoding": "latin-1"}, "encoding and errors must be omitted without --data"),
    ],
)
def test_evaluations_that_cannot_be(options, message):
    with pytest.raises(ArgumentError, match=message):
        Evaluate(**options)


def test_too_little_text(model):
    with pytest.raises(DataError, match="the text is too short to evaluate: text:t has 1 of at least 2 tokens"):
        model.evaluation(Evaluate(data="text:t"))


def test_unknown_characters_are_skipped_and_counted_on_request(model):
    report = model.evaluation(Evaluate(data="text:the zoo cat, the sat?", unknown="skip"))
    plain = model.evaluation(Evaluate(data="text:the oo cat the sat"))
    assert report.values["skipped"] == 3
    assert report.values["loss"] == pytest.approx(plain.values["loss"], rel=1e-6)
    assert ("skipped", "3 characters outside the vocabulary") in report.parts[0].rows
    with pytest.raises(ArgumentError, match="unknown must be omitted with several runs"):
        LanguageModelling.compare({"a": model, "b": model}, Evaluate(data="text:the cat", unknown="skip"))
    with pytest.raises(ArgumentError, match="unknown must be omitted without --data"):
        Evaluate(unknown="skip")


def test_models_on_one_text_side_by_side(models):
    reports, together = LanguageModelling.compare(models, Evaluate())
    alone = [model.evaluation(Evaluate()).values for model in models.values()]
    timeless = [{**report.values, "seconds": 0} for report in reports]
    assert timeless == [{**values, "seconds": 0} for values in alone]
    table, said = together.parts
    names = ("lstm 1×8", "transformer 1×8, context 6", "feed-forward 3→8", "3-gram")
    assert table.rows == [
        (
            run,
            name,
            f"{values['parameters']:,}",
            *(f"{values[key]:.4f}" for key in ("loss", "bits_per_char", "perplexity")),
            "",
        )
        for run, name, values in zip(models, names, alone, strict=True)
    ]
    assert said.rows[0] == ("text", f"{alone[0]['text']}: 205 characters")


def test_a_model_that_cannot_read_the_text_has_no_figures(models, text, tmp_path):
    other = unrolled.train("lm", run=tmp_path / "bytes", data=str(text), kind="ngram", vocabulary="byte")
    some = {"chars": models["ngram"], "bytes": other}
    options = Evaluate(data="text:the zoo")
    (unread, read), together = LanguageModelling.compare(some, options)
    assert list(unread.values) == ["model", "parameters", "text", "why"]
    assert read.values["loss"] == other.evaluate("text:the zoo")["loss"]
    row = together.parts[0].rows[0]
    assert row[3:6] == ("–", "–", "–")
    assert row[6].startswith("not comparable: the text has characters that are not in the char vocabulary: 'z'")
    with pytest.raises(DataError, match="'z'"):
        LanguageModelling.compare({"a": models["ngram"], "b": models["recurrent"]}, options)
    assert isinstance(LanguageModelling.compare(some, Evaluate()).together, Report)  # one text, whatever the symbols


def test_texts_cut_elsewhere_are_not_compared(models, text, tmp_path):
    other = unrolled.train("lm", run=tmp_path / "run", data=str(text), kind="ngram", fractions=(0.8, 0.1, 0.1))
    some = {"a": models["ngram"], "b": other}
    with pytest.raises(RunError, match="a and b were not trained on the same text, cut into the same parts; name the"):
        LanguageModelling.compare(some, Evaluate())
    assert len(LanguageModelling.compare(some, Evaluate(data=str(text))).reports) == 2
    with pytest.raises(ArgumentError, match="clamp must be omitted for a model without recurrent layers"):
        LanguageModelling.compare(some, Evaluate(data=str(text), clamp=HELD))


# Sampling


def written(pieces: list[SamplePiece], number: int) -> str:
    return "".join(str(piece.part) for piece in pieces if piece.number == number and not piece.given)


@pytest.mark.parametrize("length", [12, 60])  # as it is, and frozen where it can be
def test_samples_are_the_texts_of_generate(model, length):
    sampling = Sampling(temperature=0.9, seed=3)
    pieces = list(model.samples(Sample(prompt="the ", length=length, samples=2, sampling=sampling)))
    assert pieces[:2] == [SamplePiece(0, "the ", given=True), SamplePiece(1, "the ", given=True)]
    assert not any(piece.given for piece in pieces[2:])
    expected = model.generate_many(2, "the ", length, temperature=0.9, seed=3)
    assert [written(pieces, 0), written(pieces, 1)] == expected
    stopped = list(model.samples(Sample(prompt="the ", length=length, stop="a", sampling=sampling)))
    assert written(stopped, 0) == model.generate("the ", length, stop="a", temperature=0.9, seed=3)


def test_units_are_held_in_what_is_written_and_nowhere_else(models):
    model = models["recurrent"]
    plain = model.generate("the ", 40, seed=1)
    one, other = held(model)
    with one, other:
        expected = model.generate("the ", 40, seed=1)
    assert expected != plain
    options = Sample(prompt="the ", length=40, clamp=HELD, sampling=Sampling(seed=1))
    pieces = model.samples(options)
    begun = [next(pieces) for _ in range(5)]
    assert model.generate("the ", 40, seed=1) == plain  # while the other is being written
    assert written([*begun, *pieces], 0) == expected
    session = model.conversation(options)
    session.read("the ")
    assert "".join(session.write(options.sampling, 40)) == expected
    assert model.held({"layer 1 c[5]": 2.0, "layer 1 h[3]": -0.5}).generate("the ", 40, seed=1) == expected


def test_a_conversation_goes_on_from_what_was_written(model):
    options = Sample(interactive=True, sampling=Sampling(greedy=True))
    session = model.conversation(options)
    session.read("the cat")
    first = "".join(session.write(options.sampling, 40))
    assert first + "".join(session.write(options.sampling, 8)) == model.generate("the cat", 48, greedy=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": -1}, "length must be"),
        ({"samples": 0}, "samples must be"),
        ({"stop": ""}, "stop must be text of at least one character"),
        ({"clamp": HELD, "precision": "int8"}, "precision must be float32 with --clamp"),
        ({"interactive": True, "samples": 2}, "samples must be 1 with --interactive"),
        ({"interactive": True, "prompt": "-"}, "prompt must be a text with --interactive"),
    ],
)
def test_samples_that_cannot_be(options, message):
    with pytest.raises(ArgumentError, match=message):
        Sample(**options)


def test_what_does_not_fit_the_model_is_refused_before_anything_is_written(models):
    for verb in ("samples", "conversation"):
        with pytest.raises(ArgumentError, match="remove 'é'"):
            getattr(models["recurrent"], verb)(Sample(prompt="né"))
        with pytest.raises(ArgumentError, match="precision must be float32 for this model"):
            getattr(models["ngram"], verb)(Sample(precision="int8"))
        with pytest.raises(ArgumentError, match="clamp must be omitted for a model without recurrent layers"):
            getattr(models["feedforward"], verb)(Sample(clamp=HELD))


def test_a_prompt_on_standard_input(models, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the\r\ncat"), encoding="utf-8"))
    pieces = list(models["ngram"].samples(Sample(prompt="-", length=5)))
    assert pieces[0] == SamplePiece(0, "the\ncat", given=True)
    assert written(pieces, 0) == models["ngram"].generate("the\ncat", 5)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the \xff"), encoding="utf-8"))
    with pytest.raises(DataError, match="standard input is not UTF-8 text: byte 0xff at offset 4"):
        models["ngram"].samples(Sample(prompt="-"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x" * 99), encoding="utf-8"))
    with pytest.raises(DataError, match="standard input has 11 bytes, more than the limit of 10"):
        standard_input(10).text(10)


# Step by step


def test_streams_side_by_side_have_the_probabilities_of_step(model):
    streaming = model.streaming(2)
    state = streaming.initial_state()
    assert all(len(leaf) == 2 for leaf in tree_leaves(state))
    said = []
    for symbols in zip("the cat", "a rat s", strict=True):
        x = torch.from_numpy(np.concatenate([model.vocabulary.encode(one) for one in symbols]).astype(np.int64))
        output, state = streaming.step(x, state)
        said.append(output)
    assert streaming.finish(state) is None
    for lane, text in enumerate(("the cat", "a rat s")):
        for t in range(len(text)):
            expected, _ = model.step(text[: t + 1])
            torch.testing.assert_close(said[t][lane].double(), expected, atol=1e-5, rtol=1e-5)


NAMES = {
    "recurrent": ("layer 1 h", "layer 1 c"),
    "transformer": ("tokens read", "layer 1 keys", "layer 1 values"),
    "feedforward": ("last symbols",),
}


@pytest.mark.parametrize("kind", NAMES)
def test_modules_compute_what_the_model_does(models, kind):
    model = models[kind]
    whole, step, states, names, around = model.modules()
    ids = torch.from_numpy(model.vocabulary.encode("the cat sat").astype(np.int64))[:, None].expand(-1, 2)
    with torch.no_grad():
        outputs, after = whole(ids)
        state, said = whole.initial_state(2), []
        for x in ids:
            output, state = step(x, state)
            said.append(output)
        torch.testing.assert_close(outputs, model.model(ids)[0].log_softmax(-1))
        torch.testing.assert_close(torch.stack(said), outputs)
    for one, other in zip(tree_leaves(state), tree_leaves(after), strict=True):
        torch.testing.assert_close(one, other)
    assert states == NAMES[kind]
    assert names == (("symbols",), ("log_probabilities",))
    assert vocabulary_from_json(around["vocabulary"]).to_json() == model.vocabulary.to_json()
    assert around["opening"] == "\n"


def test_counts_are_no_network(models):
    with pytest.raises(RunError, match="a model of the task lm cannot be exported if its kind is ngram"):
        models["ngram"].modules()

"""A tagger's reports and answers, and its answers word by word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from unrolled.analysis.intervals import with_interval
from unrolled.data.columns import Sentence
from unrolled.data.tags import Scores
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.results import Input, Pairs, Records, Table
from unrolled.tasks.common.explained_texts import ExplainedTexts
from unrolled.tasks.tag.config import TagConfig
from unrolled.tasks.tag.evaluation import Evaluate
from unrolled.tasks.tag.measures import Measured, measure
from unrolled.tasks.tag.task import Tagging
from unrolled.tasks.tag.trained import TrainedTagger
from unrolled.training.config import update

LINES = "Teddy B-person\nLee I-person\nwas O\nin O\nBonn B-place\n\nTeddy O\nbears O\nare O\nhere O\n\n"
SMALL = {"hidden_size": 5, "embedding_size": 4, "character_size": 6, "letter_size": 3, "num_layers": 2, "dropout": 0.0}


def tagger(data: Path, seed: int = 0, **options: object) -> TrainedTagger:
    """A model with larger weights than it would begin with, so that its answers differ."""
    config = update(TagConfig(), data=str(data), fractions=(0.5, 0.25, 0.25), **SMALL | options)
    task = Tagging(config)
    task.prepare()
    torch.manual_seed(seed)
    model = task.build_model()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn_like(p))
    return TrainedTagger(model, task.lexicon, task.tags, config, task.fingerprint())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "words.conll"
    path.write_text(LINES * 4)
    return path


@pytest.fixture(scope="module")
def model(data: Path) -> TrainedTagger:
    return tagger(data)


def test_a_report_has_the_figures_as_values_and_for_a_person(model: TrainedTagger, data: Path) -> None:
    report = model.evaluation(Evaluate(split="train"))
    found = model.evaluate_data(split="train")
    pairs, table, wrong = report.parts
    assert isinstance(wrong, Records)
    assert {name: value for name, value in report.values.items() if name != "intervals"} == {
        "text": f"{data}, train",
        **found,
        "mistakes": wrong.objects(10),
    }
    assert report.how == ()
    assert isinstance(pairs, Pairs)
    intervals = report.values["intervals"]
    assert pairs.rows == [
        ("text", f"{data}, train"),
        ("loss", f"{found['loss']:.4f} nats per word"),
        *(
            (label, with_interval(f"{found[name]:.4f}", intervals.get(name), ".4f"))
            for label, name in (("accuracy",) * 2, ("precision",) * 2, ("recall",) * 2, ("F1", "f1"))
        ),
    ]
    assert all(low <= found[name] <= high for name, (low, high) in intervals.items())
    assert isinstance(table, Table)
    assert table.header == ("type", "entities", "precision", "recall", "F1")
    count = {name: one["entities"] for name, one in found["types"].items()}
    assert [row[:2] for row in table.rows] == [
        ("person", str(count["person"])),
        ("place", str(count["place"])),
        ("all", str(sum(count.values()))),
    ]
    assert table.rows[2][2:] == tuple(f"{found[name]:.4f}" for name in ("precision", "recall", "f1"))


def test_a_file_is_read_as_the_options_say(model: TrainedTagger, tmp_path: Path) -> None:
    path = tmp_path / "turned"
    path.write_text("".join(f"- {' '.join(line.split()[::-1])}\n" if line else "\n" for line in LINES.split("\n")[:-1]))
    report = model.evaluation(Evaluate(data=str(path), token_column=2, tag_column=1))
    assert report.how == (
        f"{path}: 3 columns separated by spaces; words from column 2, tags from column 1, counted from 0",
        "read: Teddy/B-person Lee/I-person was/O in/O Bonn/B-place",
        "read: Teddy/O bears/O are/O here/O",
    )
    (tmp_path / "firm").write_text("Teddy B-firm\n")
    with pytest.raises(DataError, match="unknown label 'firm'") as caught:
        model.evaluation(Evaluate(data=str(tmp_path / "firm")))
    assert caught.value.__notes__[-1] == "read: Teddy/B-firm"


def test_options_that_do_not_fit(model: TrainedTagger, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="tag_column must be omitted without --data, got 1"):
        Evaluate(tag_column=1)
    with pytest.raises(ArgumentError, match="split must be omitted with --data, which is evaluated whole"):
        Evaluate(data="x", split="valid")
    path = tmp_path / "pos"
    path.write_text("the DT\ndog NN\n\n" * 8)
    plain = tagger(path)
    with pytest.raises(ArgumentError, match="scheme must be omitted for a tagger of plain tags, got 'bio'"):
        plain.evaluation(Evaluate(data=str(path), scheme="bio"))
    report = plain.evaluation(Evaluate(data=str(path), scheme="plain"))
    assert set(report) == {"text", "loss", "accuracy", "types", "intervals", "mistakes", "seen_in_training"}
    assert [type(part) for part in report.parts] == [Pairs, Records]
    assert report["seen_in_training"] == 8
    assert report.notes[0].startswith(f"8 of 8 sentences (100%) of {path} are training examples of this run")


def test_mistakes_of_a_tagger(model: TrainedTagger) -> None:
    words = "Ann Lee met Bob in Old Bonn".split()
    true = "B-person I-person O B-person O O B-place".split()
    predicted = ["B-person O O O B-place B-place I-place".split()]
    probabilities = [np.array([0.9, 0.5, 0.4, 0.3, 0.8, 0.7, 0.6])]
    chances = [np.array([0.85, 1, 1, 1, 0.75, 0.55, 1])]
    sentences = [Sentence(tuple(words), tuple(true), 5)]
    result = Measured({"f1": 0.0}, Scores(), sentences, predicted, probabilities, chances)
    text = " ".join(words)
    assert list(result.mistakes()) == [
        (text, 5, "Ann", "person (words 1 to 2)", "person", 0.85),
        (text, 9, "in", "O", "place", 0.75),
        (text, 10, "Old Bonn", "place (words 7 to 7)", "place", 0.55),
        (text, 8, "Bob", "person", "O", 0.3),
    ]
    p = [np.array([0.9, 0.6])]
    plain = Measured({}, Scores(), [Sentence(("a", "b"), ("X", "Y"), 1)], [["X", "Z"]], p, p)
    assert list(plain.mistakes()) == [("a b", 2, "b", "Y", "Z", 0.6)]


def test_probabilities_of_predicted_tags(model: TrainedTagger, data: Path) -> None:
    sentences = model.sentences(split="train")[:2]
    result = measure(model, sentences, probabilities=True)
    for sentence, tags, found in zip(sentences, result.predicted, result.probabilities, strict=True):
        expected = [p[tag] for p, tag in zip(model.probabilities(sentence.words), tags, strict=True)]
        assert found == pytest.approx(expected, abs=1e-6)
    tags, chances = model.tag_with_probabilities([sentence.words for sentence in sentences])
    assert (tags, np.concatenate(chances)) == (result.predicted, pytest.approx(np.concatenate(result.chances)))
    assert model.evaluate(sentences) == (result.metrics, result.counted)
    assert model.evaluate(split="train")["f1"] == model.evaluate(model.sentences(split="train"))[0]["f1"]


def test_runs_side_by_side(model: TrainedTagger, data: Path) -> None:
    other = tagger(data, seed=1, crf=False)
    reports, together = Tagging.compare({"a": model, "b": other}, Evaluate(split="valid"))
    (table,) = together.parts
    assert isinstance(table, Table)
    assert table.header == ("run", "nats", "accuracy", "precision", "recall", "f1")
    names = ("loss", "accuracy", "precision", "recall", "f1")
    assert table.rows == [
        (run, *(f"{report.values[name]:.4f}" for name in names)) for run, report in zip("ab", reports, strict=True)
    ]


def test_answers_come_in_order(model: TrainedTagger) -> None:
    found = list(model.predictions([[Input("Teddy Lee was"), Input("")], [Input("here")]], ExplainedTexts()))
    assert found == [*model.predict(["Teddy Lee was", ""]), *model.predict(["here"])]


@pytest.mark.parametrize("characters", ["none", "recurrent", "convolution"])
def test_word_by_word_it_says_what_it_says_of_a_sentence(data: Path, characters: str) -> None:
    one = tagger(data, characters=characters, bidirectional=False, crf=False)
    sentences = ["Teddy Extraordinarily-Longer Lee was in Bonn".split(), "are bears here in unknown €uro".split()]
    stream = one.streaming(2)
    state = stream.initial_state()
    expected = [one.probabilities(words) for words in sentences]
    for t, words in enumerate(zip(*sentences, strict=True)):
        said, state = stream.step(one.lexicon.rows(words), state)
        for lane in range(2):
            assert dict(zip(one.tags.tags, said[lane].tolist(), strict=True)) == pytest.approx(expected[lane][t], 1e-5)
    assert stream.finish(state) is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {},
            "it reads a sentence in both directions and it predicts all tags of a sentence jointly; train one with "
            "--no-bidirectional and --no-crf",
        ),
        ({"crf": False}, "it reads a sentence in both directions; train one with --no-bidirectional"),
        ({"bidirectional": False}, "it predicts all tags of a sentence jointly; train one with --no-crf"),
    ],
)
def test_what_must_see_a_whole_sentence_first(data: Path, options: dict[str, object], why: str) -> None:
    model = tagger(data, **options)
    with pytest.raises(RunError) as caught:
        model.streaming()
    assert str(caught.value) == f"a model of the task tag cannot answer step by step: {why}"
    assert (model.modules().step, model.modules().states) == (None, ())


def test_modules_for_export(data: Path, model: TrainedTagger) -> None:
    words = "Teddy Lee was in Bonn".split()
    rows, lengths = model.lexicon.rows(words)[:, None], torch.tensor([len(words)])
    batch = model.lexicon.read([words])
    with torch.no_grad():
        torch.testing.assert_close(model.modules().whole(rows, lengths), model.model(batch))
    around = model.modules().around
    assert around["tags"]["tags"] == ["O", "B-person", "I-person", "B-place", "I-place"]
    assert around["crf"]["follow"][0][2] < -9000  # no entity begins with I-person after O
    one = tagger(data, bidirectional=False, crf=False, num_layers=1)
    whole, step, states, names, around = one.modules()
    assert (states, names) == (("layer 1 h", "layer 1 c"), (("words", "lengths"), ("scores",)))
    assert "crf" not in around
    assert step is not None
    state = one.streaming().initial_state()
    with torch.no_grad():
        for row, score in zip(rows, whole(rows, lengths), strict=True):
            said, state = step(row, state)
            torch.testing.assert_close(said, score, rtol=1e-5, atol=1e-6)

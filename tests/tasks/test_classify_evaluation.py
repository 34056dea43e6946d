"""A classifier's reports and answers: values, tables, pictures, and what is refused before anything is read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from small_classifiers import classifier, write_reviews

from unrolled.analysis.intervals import wilson
from unrolled.errors import ArgumentError, DataError, RunError
from unrolled.results import Input, Pairs, Picture, Records, Table
from unrolled.tasks.classify.evaluation import Evaluate
from unrolled.tasks.classify.task import Classification
from unrolled.tasks.classify.trained import TrainedClassifier
from unrolled.tasks.common.class_measures import Measures
from unrolled.tasks.common.class_report import by_class
from unrolled.tasks.common.explained_texts import ExplainedTexts

OTHER = "n;body;mood\n1;dreadful;negative\n2;a delight, it was;positive\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.jsonl")


@pytest.fixture(scope="module")
def model(data: Path) -> TrainedClassifier:
    return classifier(data)


def test_a_report_has_the_figures_as_values_and_for_a_person(model: TrainedClassifier, data: Path) -> None:
    told: list[int] = []
    report = model.evaluation(Evaluate(split="train"), lambda total, unit: _Counted(told, total, unit))
    measures = model.evaluate_data(split="train")["measures"]
    assert report.values == {
        "text": f"{data}, train",
        "texts": 48,
        **measures.summary(),
        "intervals": {name: list(bounds) for name, bounds in measures.intervals().items()},
        "confusion": measures.confusion.tolist(),
        "classes": ["negative", "positive"],
        "mistakes": report.parts[2].objects(10),
    }
    assert told[:1] + told[-1:] == [48, 48]
    assert report.how == report.notes == ()
    pairs, table = report.parts[:2]
    assert isinstance(pairs, Pairs)
    low, high = measures.intervals()["accuracy"]
    assert pairs.rows[:2] == [
        ("texts", f"{data}, train: 48 of 2 classes"),
        ("accuracy", f"{measures.accuracy:.4f}  (95 % interval {low:.4f} to {high:.4f})"),
    ]
    assert isinstance(table, Table)
    assert sum(int(row[1]) for row in table.rows) == 48


def test_the_table_of_classes_by_hand() -> None:
    confusion = np.array([[1, 1, 0], [0, 3, 0], [0, 0, 0]])
    table = by_class(Measures(0.0, 0.8, 0.0, 0.0, confusion, ["a", "b", "never"]), "texts")
    assert table.header == ("class", "texts", "precision", "recall", "F1")
    assert table.rows == [
        ("b", "3", "0.750", "1.000", "0.857"),
        ("a", "2", "1.000", "0.500", "0.667"),
        ("never", "0", "–", "–", "–"),
    ]


class _Counted:
    """A `Progress` that keeps what it is told."""

    def __init__(self, told: list[int], total: int, unit: str) -> None:
        self.told = told
        assert unit == "texts"
        told.append(total)

    def __enter__(self) -> object:
        return self.told.append

    def __exit__(self, *_: object) -> None:
        pass


def test_the_confusion_matrix_is_a_picture(model: TrainedClassifier) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    picture = model.evaluation(Evaluate()).parts[-1]
    assert isinstance(picture, Picture)
    assert (picture.name, picture.title, picture.path) == ("confusion", "confusion matrix", None)
    assert picture.png.startswith(b"\x89PNG")


def test_a_file_is_read_as_the_options_say(model: TrainedClassifier, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text(OTHER)
    before = model.config
    report = model.evaluation(Evaluate(data=str(path), text_column="body", label_column="mood", delimiter=";"))
    assert model.config is before
    assert (report.values["text"], report.values["texts"]) == (str(path), 2)
    assert report.how == (
        f"{path}: columns separated by semicolons; with a header; "
        "text from column 2 (body), label from column 3 (mood)",
        "read: negative ← dreadful",
        "read: positive ← a delight, it was",
    )
    options = Evaluate(data=str(path), text_column="2", label_column="3", header=False)
    with pytest.raises(DataError, match=r"the label 'mood' \(of 'body'\) is none") as caught:
        model.evaluation(options)
    assert caught.value.__notes__[1:] == ["read: mood ← body", "read: negative ← dreadful"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "x", "split": "test"}, "split must be omitted with --data, which is evaluated whole, got 'test'"),
        ({"text_column": "body"}, "text_column must be omitted without --data, got 'body'"),
        ({"header": False}, "header must be omitted without --data, got False"),
        ({"encoding": "latin-1"}, "encoding must be omitted without --data, got 'latin-1'"),
    ],
)
def test_options_that_do_not_fit_one_another(options: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Evaluate(**options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_mistakes_of_a_classifier(model: TrainedClassifier, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    report = model.evaluate(split="train", errors_out=path)
    wrong = report.parts[2]
    assert isinstance(wrong, Records)
    examples = model.own_sets().train
    predicted = model.predict(examples.texts)
    expected = [
        (one.text, label, one.answer, one.probabilities[one.answer])
        for one, label in zip(predicted, examples.labels, strict=True)
        if one.answer != label
    ]
    assert [row[:3] for row in wrong.rows] == [row[:3] for row in sorted(expected, key=lambda row: -row[3])]
    assert len(wrong.rows) == round((1 - report["accuracy"]) * 48)
    assert wrong.heading.startswith(f"{len(wrong.rows)} mistakes, most confident first")
    assert path.read_bytes() == wrong.content(".csv")


def test_examples_of_the_training_set_are_noted(model: TrainedClassifier, data: Path, tmp_path: Path) -> None:
    report = model.evaluate(data)
    train = set(model.own_sets().train.texts)
    lines = data.read_text().splitlines()
    count = sum(json.loads(line)["text"] in train for line in lines)
    assert 48 <= count < 60
    assert report["seen_in_training"] == count
    (note,) = report.notes
    assert note == (
        f"{count} of 60 texts ({count / 60:.0%}) of {data} are training examples of this run, so the metrics are too "
        "good; evaluate on new texts"
    )
    (tmp_path / "new.csv").write_text("text,label\nnever read,positive\n")
    fresh = model.evaluate(tmp_path / "new.csv")
    assert (fresh["seen_in_training"], fresh.notes) == (0, ())
    changed = classifier(data)
    changed.fingerprint = "another"  # the training set cannot be read any more
    assert (changed.evaluate(data).notes, "seen_in_training" in changed.evaluate(data)) == ((), False)
    assert model.evaluate().notes == ()


def test_the_interval_of_macro_f1() -> None:
    confusion = np.array([[80, 20], [10, 90]])
    found = Measures(0.0, 0.85, 0.0, 0.0, confusion, ["a", "b"]).intervals()
    assert found["accuracy"] == wilson(170, 200)
    assert found["macro_f1"] == pytest.approx(found["accuracy"], abs=0.01)


def test_an_option_without_such_a_value(model: TrainedClassifier, data: Path) -> None:
    with pytest.raises(ArgumentError, match="delimiter must be auto, tab or one character"):
        model.evaluation(Evaluate(data=str(data), delimiter="::"))


def test_runs_side_by_side(model: TrainedClassifier, data: Path) -> None:
    other = classifier(data, seed=1, cell="gru", pooling="last")
    reports, together = Classification.compare({"a": model, "runs/b": other}, Evaluate())
    (table,) = together.parts
    assert isinstance(table, Table)
    assert table.header == ("run", "nats", "accuracy", "macro F1", "calibration error")
    names = ("loss", "accuracy", "macro_f1", "calibration_error")
    assert [report.values for report in reports] == [one.evaluation(Evaluate()).values for one in (model, other)]
    assert table.rows == [
        (run, *(f"{report.values[name]:.4f}" for name in names))
        for run, report in zip(("a", "runs/b"), reports, strict=True)
    ]
    other.fingerprint = "another"
    with pytest.raises(RunError, match="a and b were not trained on the same data"):
        Classification.compare({"a": model, "b": other}, Evaluate())


def test_baselines_are_part_of_a_report_and_of_a_comparison(model: TrainedClassifier, data: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    reports, together = Classification.compare({"a": model, "b": model}, Evaluate(baselines=True))
    beside = reports[0].parts[2]
    assert isinstance(beside, Table)
    assert [row[0] for row in beside.rows] == ["this run", "random guess", "majority class", "bag of words"]
    assert beside.rows[1] == ("random guess", "0.5000", "–", "0.6931")
    assert reports[0].values["baselines"]["random guess"]["accuracy"] == 0.5
    (table,) = together.parts
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["a", "b", "random guess", "majority class", "bag of words"]
    assert table.rows[2] == ("random guess", "0.6931", "0.5000", "–", "–")
    changed = classifier(data)
    changed.fingerprint = "another"
    with pytest.raises(RunError, match="has changed since the model was trained"):  # the baselines learn from it
        changed.evaluation(Evaluate(data=str(data), baselines=True))


def test_answers_come_in_order_up_to_what_cannot_be_read(model: TrainedClassifier) -> None:
    told = ExplainedTexts(explain=True)
    batches = [[Input("fine"), Input("")], [Input(b"a del\xc3\xafght")], [Input("last"), Input(b"\xff", "x.txt")]]
    answers = model.predictions(iter(batches), told)
    some = [next(answers) for _ in range(4)]
    with pytest.raises(DataError, match=r"x\.txt is not UTF-8 text: byte 0xff at offset 0"):
        next(answers)
    assert some == model.predict(["fine", "", "a delïght", "last"], explain=True)
    plain = model.predictions([[Input("fine")]], ExplainedTexts())
    assert list(plain) == [dataclasses.replace(some[0], pieces=(), margin=None, scale=None)]

"""Data given in Python: every form becomes a file in the run's folder, which later commands read again."""

import json
import shutil

import numpy as np
import pytest
import torch

import unrolled
from unrolled import cli
from unrolled.cells import Cell, GRUCell, cell_name
from unrolled.errors import ArgumentError
from unrolled.tasks.common.given_data import examples_of, rows_of, write_documents, write_objects, write_tagged
from unrolled.training.log import Silent

ROWS = [(f"{'good' if n % 2 else 'bad'} film {n}", "pos" if n % 2 else "neg") for n in range(40)]
TINY = {"steps": 2, "batch_size": 4, "hidden_size": 4, "reporter": Silent()}


class Frame:
    """What pandas and polars have in common."""

    columns = ("id", "label", "text")

    def __getitem__(self, name):
        columns = {"id": range(40), "label": [label for _, label in ROWS], "text": [text for text, _ in ROWS]}
        return np.array(columns[name], dtype=object)


FORMS = {
    "tuples": ROWS,
    "iterator": iter(ROWS),
    "array": np.array(ROWS),
    "dictionaries": [{"text": text, "label": label} for text, label in ROWS],
    "columns": {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]},
    "frame": Frame(),
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_are_the_same_rows(form, tmp_path):
    written = write_objects("data", FORMS[form], ("text", "label"), tmp_path).read_text().splitlines()
    rows = [json.loads(line) for line in written]
    assert [(row["text"], row["label"]) for row in rows] == ROWS
    assert form != "frame" or [row["id"] for row in rows] == list(range(40))


def test_numbers_are_labels_and_other_values_are_left_out(tmp_path):
    rows = [{"text": "a", "label": np.int64(1), "when": object(), "p": float("nan")}]
    written = write_objects("data", rows, ("text", "label"), tmp_path).read_text()
    assert json.loads(written) == {"text": "a", "label": 1, "when": None, "p": None}


def test_a_run_reads_its_data_again_wherever_it_lies(tmp_path, capsys):
    model = unrolled.train("classify", data=ROWS, test=ROWS[:6], run=tmp_path / "run", **TINY)
    before = model.report().values | {"text": None}
    assert model.evaluate(ROWS[:6])["accuracy"] == before["accuracy"]
    shutil.move(tmp_path / "run", tmp_path / "moved")
    assert unrolled.load(tmp_path / "moved").report().values | {"text": None} == before
    assert unrolled.resume(tmp_path / "moved", steps=3, reporter=Silent()).steps == 3
    assert cli.main(["evaluate", str(tmp_path / "moved")]) == 0
    assert "6 of 2 classes" in capsys.readouterr().out


def test_sentences_pairs_and_documents(tmp_path):
    tagged = [(["Anna", "sings"], ["B-per", "O"]), (["#", "1"], ["O", "O"])] * 20
    model = unrolled.train("tag", data=tagged, run=tmp_path / "tag", **TINY)
    assert (tmp_path / "tag/data/data.conll").read_text().startswith("Anna\tB-per\nsings\tO\n\n#\tO\n1\tO\n\n")
    assert model.tags.tags[:2] == ["O", "B-per"]
    unrolled.train(
        "translate", data=[(f"ein Hund {n}", f"a dog {n}") for n in range(40)], run=tmp_path / "pairs", **TINY
    )
    texts = ["the cat sat on the mat\r\n" * 9, "", "the dog\n" * 30]
    model = unrolled.train("lm", data=texts, run=tmp_path / "lm", bptt=4, preview_length=0, **TINY)
    files = sorted((tmp_path / "lm/data/data").iterdir())
    assert [file.read_bytes().decode() for file in files] == [texts[0], texts[2]]
    assert model.report().values["loss"] > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: list(rows_of("data", [("a",)], ("text", "label"))), "data[0] must be (text, label), got ('a',)"),
        (lambda p: list(rows_of("data", {"a": [1], "b": []}, ("a", "b"))), "data must be columns of the same length"),
        (lambda p: write_objects("data", [], ("a", "b"), p), "data must be a list with at least one row, got []"),
        (lambda p: write_objects("test", [("x", None)], ("text", "label"), p), "test[0] (label) must be text or a num"),
        (lambda p: write_tagged("data", [(["a b"], ["O"])], p), "data[0] (words) must be strings without blanks"),
        (
            lambda p: write_tagged("data", [(["a"], [])], p),
            "data[0] (tags) must be a list of 1 tags",
        ),
        (lambda p: write_tagged("data", [("a b", "O O")], p), "data[0] (words) must be a list of strings, got 'a b'"),
        (lambda p: write_documents("data", ["a", 1], p), "data[1] must be a string, got 1"),
        (lambda p: write_documents("data", [""], p), "data must be a path, 'text:…', or a list of strings, one for"),
        (lambda p: write_documents("data", ["a"] * 3, p, most=2), "data must be at most 2 documents, got 3; join them"),
        (lambda p: unrolled.train("memory", data=[1]), "data must be one of adding, copy"),
        (
            lambda p: unrolled.train("classify", data=5),
            "data must be a path, the name of a data set, a list of",
        ),
    ],
)
def test_what_cannot_be_read_is_named(call, message, tmp_path):
    with pytest.raises(ArgumentError) as caught:
        call(tmp_path)
    assert str(caught.value).startswith(message)


def test_a_run_that_never_started_leaves_nothing(tmp_path):
    with pytest.raises(ArgumentError, match=r"data\[1\] must be \(text, label\)"):
        unrolled.train("classify", data=[("a", "b"), 1], run=tmp_path / "run", **TINY)
    assert not (tmp_path / "run").exists()


class Mine(Cell):
    """A cell at the top level of a module."""


def test_a_cell_is_given_by_its_class():
    class Local(Cell):
        pass

    assert cell_name(Mine) == f"{__name__}:Mine"
    assert (cell_name(GRUCell), cell_name("a:B"), cell_name(None)) == ("gru", "a:B", None)
    with pytest.raises(ArgumentError, match=r"move it to a file, such as my_cells.py, and pass cell='my_cells:Local'"):
        unrolled.train("lm", cell=Local)
    with pytest.raises(ArgumentError, match="pass the class GRUCell: each layer builds its own"):
        unrolled.train("lm", cell=GRUCell(2, 3))


MANY = [(f"{word} {n}", word) for n in range(20) for word in ("good", "bad")]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: unrolled.train("classify", data=[(b, a) for a, b in MANY]),
            "data must be a list of (text, label), got",
        ),
        (lambda: unrolled.train("classify", data=["a", "b"]), "data[0] must be (text, label), got 'a'; each row has 2"),
        (
            lambda: unrolled.train("classify", data=(["a"] * 3, ["b"] * 3)),
            "data[0] must be (text, label), got ['a', 'a",
        ),
        (lambda: unrolled.cross_validate("classify", data=MANY), "data must be a path or the name of a data set, got"),
        (lambda: unrolled.cross_validate("classify", data=3), "data must be a path or the name of a data set, got 3"),
        (lambda: unrolled.train("lm", epochs="3"), "epochs must be a number, got '3'"),
        (lambda: unrolled.train("lm", cell=torch.nn.LSTM), "cell must be a class derived from unrolled.Cell, or its"),
    ],
)
def test_wrong_data_is_explained(call, message):
    with pytest.raises(ArgumentError) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_parallel_lists_and_bytes(tmp_path):
    with pytest.raises(ArgumentError, match=r"for parallel lists: data=list\(zip\(texts, labels\)\)"):
        write_objects("data", (["a", "b", "c"], ["x", "y", "z"]), ("text", "label"), tmp_path)
    path = write_objects("data", [("café".encode(), b"x")], ("text", "label"), tmp_path)
    assert json.loads(path.read_text()) == {"text": "café", "label": "x"}
    assert write_tagged("data", [([b"a"], [b"O"])], tmp_path).read_text() == "a\tO\n\n"


def test_rows_are_evaluated_as_examples():
    examples = examples_of("data", [(b"good", 1), {"text": "bad", "label": 0}])
    assert (examples.texts, examples.labels) == (["good", "bad"], ["1", "0"])
    with pytest.raises(ArgumentError, match=r"data\[0\] \(label\) must be text or a number, got None"):
        examples_of("data", [("good", None)])

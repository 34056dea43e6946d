"""What tasks on texts say of data before training: what looks like theirs, what is in it, what is suspicious."""

import json

import pytest

from unrolled.errors import ArgumentError
from unrolled.tasks import TASKS, task_class
from unrolled.tasks.common.description import ambiguous, leaked
from unrolled.training.config import update


def task(name, data, **options):
    cls = task_class(name)
    return cls(update(cls.Config(), data=str(data), **options))


@pytest.mark.parametrize(
    ("place", "tasks"),
    [
        ("a.txt", "lm"),
        ("a.csv", "lm classify translate"),
        ("a.tsv.gz", "lm classify translate"),
        ("a.JSON", "lm classify translate"),
        ("a.conllu", "lm tag"),
        ("a.png", ""),
        ("a.tar.gz", ""),
        ("nothing", ""),
        ("classes/pos/1.txt classes/neg/1.txt", "lm classify"),
        ("classes/pos/1.png classes/neg/1.png", "lm image"),
        ("classes/pos/1.txt", "lm"),
        ("source/main.py source/one/a.py source/two/b.py", "lm"),
        ("imdb/README imdb/Train/pos/1.txt imdb/test/pos/1.txt", "lm classify"),
    ],
)
def test_what_a_file_or_folder_looks_like(tmp_path, place, tasks):
    for name in place.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name != "nothing":
            (tmp_path / name).write_text("text")
    path = tmp_path / place.split()[0].split("/")[0]
    assert [name for name in TASKS if task_class(name).likely(path)] == tasks.split()


def test_every_name_is_one_of_the_option_data():
    for name in TASKS:
        cls = task_class(name)
        rows = cls.named()
        assert rows
        for row in rows:
            assert update(cls.Config(), data=row.data or row.name)
            assert (row.bytes > 0) == bool(row.licence)


def test_labelled_texts(tmp_path):
    path = tmp_path / "a.csv"
    rows = [("good", "pos"), ("good", "neg"), ("odd", "rare"), *((f"t{n}", "pos") for n in range(40))]
    path.write_text("text,label\n" + "".join(f"{a},{b}\n" for a, b in [*rows, *rows[3:23]]))
    report = task("classify", path).describe()
    assert report.values == {"name": str(path), "classes": {"pos": 61, "neg": 1, "rare": 1}, "texts": 63}
    assert report.event == "labelled"
    assert report.how[1:] == ("read: pos ← good", "read: neg ← good")
    assert report.plain() == "texts    63\nclasses  pos (61), neg (1), rare (1)"
    notes = task("classify", path, fractions=(0.5, 0.25, 0.25)).check()
    assert "texts with more than one label: 1, such as 'good' (neg, pos)" in notes
    assert any(note.startswith("validation texts that are also training texts: ") for note in notes)
    assert any(note.startswith("test texts that are also training texts: ") for note in notes)
    (tmp_path / "b.txt").write_text("pos x\n")
    report = task("classify", path, test=str(tmp_path / "b.txt")).describe()
    assert report.values["texts"] == 64
    assert f"; {tmp_path / 'b.txt'}: the first word of each line is its label" in report.how[0]
    with pytest.raises(ArgumentError, match="encoding must be omitted with --data generated"):
        task("classify", "generated", encoding="latin-1").describe()


def test_folders_of_parts(tmp_path):
    for place in ("train/pos/1.txt", "train/neg/1.txt", "test/pos/1.txt", "test/neg/2.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(place)
    assert task("classify", tmp_path).describe().values["classes"] == {"neg": 2, "pos": 2}
    other = tmp_path / "other.txt"
    other.write_text("pos x\n")
    assert task("classify", tmp_path, test=str(other)).describe().values["classes"] == {"neg": 1, "pos": 2}


def test_tagged_sentences(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ann\tI-x\nBob\tB-x\n\nCy\tI-y\n\n" + "it\tO\nis\tO\n\n" * 20)
    report = task("tag", path).describe()
    assert report.values == {"name": str(path), "sentences": 22, "words": 43, "entities": {"x": 2, "y": 1}}
    assert report.how[1:] == ("read: Ann/B-x Bob/B-x", "read: Cy/B-y")
    plain = task("tag", path, scheme="plain").describe().values
    assert plain["tags"] == {"I-x": 1, "B-x": 1, "I-y": 1, "O": 40}
    notes = task("tag", path, fractions=(0.8, 0.1, 0.1)).check()
    assert any(note.startswith("validation sentences that are also training sentences: ") for note in notes)


def test_pairs(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"word {n}\tWort {n}\n" for n in range(50)) + "word 1\tHaus\nsame\tsame\n")
    report = task("translate", path).describe()
    assert report.values["pairs"] == 52
    assert report.values["lengths"]["source"] == {"words": [2, 2], "characters": [7, 7]}
    notes = task("translate", path, vocabulary="char").check()
    assert "sources with more than one target: 1, such as 'word 1' (Haus, Wort 1)" in notes
    assert "training pairs with the same text on both sides: 1 of 46" in notes
    (tmp_path / "b.de").write_text("x\ny\n")
    (tmp_path / "b.en").write_text("z\nw\n")
    report = task("translate", path, test=str(tmp_path / "b.de"), test_target=str(tmp_path / "b.en")).describe()
    assert report.values["pairs"] == 54
    assert f"{tmp_path / 'b.de'}: line n corresponds to line n of" in report.how[0]


def test_texts_and_problems(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo")
    report = task("lm", tmp_path / "a.txt").describe()
    assert report.values | {"name": ""} == {
        "name": "",
        "files": 1,
        "characters": 7,
        "symbols": 6,
        "documents": 1,
        "rare": 6,
        "notes": ["CRLF line endings converted to \\n"],
    }
    assert report.parts[1].plain() == "  one\n  two"
    assert task("memory", "digits").describe().values == {"name": "digits", "train": 4000, "valid": 500, "test": 1000}
    assert json.dumps(report.values)


def test_what_is_repeated():
    parts = {"train": [("a", "1"), ("b", "1"), ("b", "2")], "valid": [("a", "1")], "test": [("c", "3")]}
    assert ambiguous(parts, "texts", "label") == ["texts with more than one label: 1, such as 'b' (1, 2)"]
    assert ambiguous({"train": [("a", "1")], "valid": [], "test": []}, "texts", "label") == []


def test_what_leaks():
    parts = {"train": ["a", "b"], "valid": ["A", "a"], "test": ["c"]}
    note = (
        "validation texts that are also training texts: {} of 2, such as '{}'; they make the metrics too good: "
        "remove the duplicates from the data"
    )
    assert leaked(parts, "texts") == [note.format(1, "a")]
    assert leaked(parts, "texts", key=str.lower) == [note.format(2, "A")]
    assert leaked({"train": ["a"], "valid": [], "test": ["b"]}, "texts") == []

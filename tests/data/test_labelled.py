"""Labelled texts: every form in which people keep them, and what is said of files that are not."""

import gzip
import json

import pytest

from unrolled.data.generated_reviews import reviews
from unrolled.data.labelled import Examples, Layout, check_classes, read_labelled
from unrolled.data.labelled_sets import LabelledSets, classes_of, open_labelled, read_test
from unrolled.errors import ArgumentError, DataError

TEXTS = ['He said "no", then\nleft.', "Ünïcode, fine", "plain"]
LABELS = ["bad", "good", "bad"]


def write(path, content, encoding="utf-8"):
    data = content.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


CSV = 'id,Text,Label\n1,"He said ""no"", then\nleft.",bad\n\n2,"Ünïcode, fine",good\n3,plain,bad\n'


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_csv(tmp_path, name, ends):
    examples, notes = read_labelled(write(tmp_path / name, CSV.replace("\n", ends)), Layout())
    assert examples.texts == [TEXTS[0].replace("\n", ends), *TEXTS[1:]]
    assert (examples.labels, notes) == (LABELS, [])


def test_columns_by_name_and_by_number(tmp_path):
    path = write(tmp_path / "a.csv", "a,b,c\nx,one,y\nx,two,z\n")
    named, _ = read_labelled(path, Layout(text_column="b", label_column="c"))
    assert (named.texts, named.labels) == (["one", "two"], ["y", "z"])
    numbered, _ = read_labelled(path, Layout(text_column="2", label_column="3", header=False))
    assert (numbered.texts, numbered.labels) == (["b", "one", "two"], ["c", "y", "z"])


def test_tsv_keeps_single_quotes(tmp_path):
    path = write(tmp_path / "a.tsv", 'sentence\tlabel\n5" of rain\t0\n"all of ""it"""\t1\n')
    assert read_labelled(path, Layout())[0].texts == ['5" of rain', 'all of "it"']


def test_jsonl(tmp_path):
    rows = [{"label": n, "text": text} for n, text in enumerate(TEXTS)]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    examples, _ = read_labelled(path, Layout())
    assert (examples.texts, examples.labels) == (TEXTS, ["0", "1", "2"])


def test_label_first_and_fasttext(tmp_path):
    path = write(tmp_path / "a.txt", "1 a good film\n__label__0 a bad one\n")
    examples, _ = read_labelled(path, Layout())
    assert (examples.texts, examples.labels) == (["a good film", "a bad one"], ["1", "0"])


def test_a_folder_per_class_as_imdb_is(tmp_path):
    for split in ("train", "test"):
        for label in ("pos", "neg", "unsup"):
            (tmp_path / split / label).mkdir(parents=True)
            for n in range(10):
                write(tmp_path / split / label / f"{n}.txt", f"{split} {label} {n}")
    one, _ = read_labelled(tmp_path / "train", Layout())
    assert sorted(set(one.labels)) == ["neg", "pos"]
    sets = open_labelled(str(tmp_path), Layout())
    assert {text.split()[0] for text in sets.test.texts} == {"test"}
    assert {text.split()[0] for text in sets.train.texts + sets.valid.texts} == {"train"}
    assert (len(sets.train), len(sets.valid), len(sets.test)) == (18, 2, 20)
    assert read_test(str(tmp_path), Layout())[0] == sets.test
    assert read_test(str(tmp_path / "train"), Layout())[0] == one
    assert read_test("generated", Layout())[0] == open_labelled("generated", Layout()).test
    other = open_labelled(str(tmp_path), Layout(), test=str(tmp_path / "test"))
    assert (other.train, other.valid, other.test) == (sets.train, sets.valid, sets.test)


def test_what_is_empty_is_left_out_and_told(tmp_path):
    path = write(tmp_path / "a.csv", "text,label\nok,x\n  ,y\nfine,\n")
    examples, notes = read_labelled(path, Layout())
    assert examples.texts == ["ok"]
    assert notes == [
        f"{path}: 1 examples without text skipped",
        f"{path}: 1 examples without a label skipped",
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "a,b\n1,2\n", ["its columns are a, b", "--text-column"]),
        ("a.csv", "text,label\none\n", ["line 2", "1 columns, the first row has 2"]),
        ("a.csv", 'text,label\n"open,1\n', ["is a quote missing"]),
        ("a.csv", "", ["no labelled texts"]),
        ("a.jsonl", '{"text": "x", "label": 1}\n{"text": \n', ["line 2 is not JSON"]),
        ("a.jsonl", '["x"]\n', ["line 1 must be an object"]),
        ("a.jsonl", '{"text": "x", "label": 1}\n{"text": "x"}\n', ["line 2", "'label'", "its keys are text"]),
        ("a.txt", "alone\n", ["line 1 is not 'label text'"]),
        ("a.csv", b"text,label\ncaf\xe9,1\n", ["byte 0xe9 at offset 14", "--encoding cp1252"]),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read_labelled(path, Layout())
    for text in (name, *expected):
        assert text in str(caught.value)


def test_a_missing_column_lists_those_there(tmp_path):
    path = write(tmp_path / "a.csv", "texts,kind\nx,y\n")
    with pytest.raises(DataError, match=r"no column 'text'; its columns are texts, kind; did you mean 'texts'"):
        read_labelled(path, Layout(text_column="text", label_column="kind"))
    with pytest.raises(ArgumentError, match="a number from 1 to 2 without a header"):
        read_labelled(path, Layout(text_column="text", label_column="2", header=False))


def test_classes():
    assert check_classes(Examples(["a", "b"], ["y", "x"]), "it") == ["x", "y"]
    with pytest.raises(DataError, match="only the class 'x'"):
        check_classes(Examples(["a", "b"], ["x", "x"]), "it")
    with pytest.raises(DataError, match="20 different labels for 20 texts"):
        check_classes(Examples(["a"] * 20, [str(n) for n in range(20)]), "it")


def test_a_class_that_falls_into_another_part_only_is_told():
    one, other = Examples(["a", "b"], ["x", "y"]), Examples(["c"], ["rare"])
    note = "no training text has the label 'rare', so it cannot be learned"
    assert classes_of(LabelledSets(one, other, one, []), "it") == (["rare", "x", "y"], [note])
    assert classes_of(LabelledSets(one, one, other, []), "it") == (["rare", "x", "y"], [note])
    with pytest.raises(DataError, match="the label 'rare', which is not a label of it: x, y"):
        classes_of(LabelledSets(one, one, other, [], given=True), "it")


def test_too_few_texts(tmp_path):
    path = write(tmp_path / "a.csv", "text,label\nok,x\n")
    with pytest.raises(DataError, match="1 labelled texts: too few"):
        open_labelled(str(path), Layout())
    with pytest.raises(DataError, match="did you mean 'sst2'"):
        open_labelled("sst", Layout())


def test_made_up_reviews():
    one = reviews(0, 2000)
    assert one.texts[:50] == reviews(0, 50).texts != reviews(1, 50).texts
    assert 900 < one.labels.count("positive") < 1100
    assert len(set(one.texts)) > 1900


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", '"text","label"\n"one",x\n"two",y\n'),
        ("a.tsv", '"text"\t"label"\none\tx\ntwo\ty\n'),
        ("a.jsonl", '{"text": "one", "label": "x"}\n{"text": "two", "label": "y"}\n'),
        ("a.txt", "x one\ny two\n"),
    ],
)
def test_a_byte_order_mark_is_not_text(tmp_path, name, content):
    examples, _ = read_labelled(write(tmp_path / name, "\ufeff" + content), Layout())
    assert (examples.texts, examples.labels) == (["one", "two"], ["x", "y"])


def test_quotes_that_belong_to_the_text_stay(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"""No,"" she said, ""no.""",x\n')
    assert read_labelled(path, Layout())[0].texts == ['"No," she said, "no."']
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"No," she said, "no."\tx\n')
    assert read_labelled(path, Layout())[0].texts == ['"No," she said, "no."']


@pytest.mark.parametrize("column", ["²", "0", "9" * 5000])
def test_numbers_of_columns_that_are_none(tmp_path, column):
    path = write(tmp_path / "a.csv", "a,b\nx,y\n")
    with pytest.raises(ArgumentError, match="a number from 1 to 2"):
        read_labelled(path, Layout(text_column=column, label_column="1", header=False))
    with pytest.raises(DataError, match="has no column"):
        read_labelled(path, Layout(text_column=column, label_column="b"))


def test_halves_of_characters(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "ok", "label": "x\\ud83d"}\n')
    with pytest.raises(DataError, match=r"line 1 has '\\ud83d', a lone surrogate"):
        read_labelled(path, Layout())
    assert read_labelled(path, Layout(errors="replace"))[0].labels == ["x?"]
    assert read_labelled(path, Layout(errors="ignore"))[0].labels == ["x"]

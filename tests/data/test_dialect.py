"""Tables as Python's csv writes them in any dialect come back equal; what is ambiguous is said."""

import csv
import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from unrolled.data.bitext import BitextLayout, read_pairs
from unrolled.data.dialect import Dialect, detect
from unrolled.data.labelled import Layout, read_labelled
from unrolled.errors import ArgumentError, DataError

WORDS = st.lists(
    st.sampled_from(["a", "of", 'say "no"', "it's", "1,5", "x;y", "p|q", "t\tu", "é字", "'so'", '"']), min_size=1
)
TEXTS = st.lists(WORDS.map(" ".join), min_size=2, max_size=8)


@settings(max_examples=200, deadline=None)
@given(
    texts=TEXTS,
    lines=st.booleans(),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    header=st.booleans(),
)
def test_what_csv_writes_comes_back(tmp_path_factory, texts, lines, delimiter, quote, quoting, end, encoding, header):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=end)
    texts = [f"{text}\n{text}\r\nend" if lines and quoting == csv.QUOTE_ALL else text for text in texts]
    labels = ["pos" if number % 2 else "neg" for number in range(len(texts))]
    writer.writerows([["text", "n", "label"]] * header)
    writer.writerows((text, number, label) for number, (text, label) in enumerate(zip(texts, labels, strict=True)))
    written = out.getvalue()
    assume(quote == '"' or "'" in written or '"' not in written)  # else nothing tells that a double quote is text
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(written.encode(encoding))
    how = {"encoding": "utf-16" if encoding == "utf-16" else "utf-8"}
    if not header:
        how |= {"header": False, "text_column": "1", "label_column": "3", "delimiter": delimiter}
    examples, _ = read_labelled(path, Layout(**how))
    assert (examples.texts, examples.labels) == ([text.strip() for text in texts], labels)


def of(sample, form="csv", asked="auto", names=("text", "label")):
    wanted = None if names is None else lambda row: set(names) <= set(row)
    return detect("a.csv", sample, True, form, asked, wanted)


@pytest.mark.parametrize(
    ("sample", "options", "expected"),
    [
        ("text,label\na; b; c,1\n", {}, Dialect(",")),
        ("text;label\na, b;1\nc, d;2\n", {}, Dialect(";")),
        ("text;label\n1,5;2,5\n", {}, Dialect(";")),
        ("text|label\na|1\n", {}, Dialect("|")),
        ('text\tlabel\n"5" of rain\t1\n', {}, Dialect("\t", "")),
        ('text\tlabel\n"a\nb"\t1\n', {}, Dialect("\t")),
        ("text\tlabel\na\t1\n", {"form": "tsv"}, Dialect("\t", "")),
        ("text,label\na,1\n", {"form": "tsv"}, Dialect(",")),
        ("He, too\nShe, too\n", {"form": "tsv"}, Dialect("\t", "")),  # lines of text, no table
        ("a, b;1\nc, d, e;2\n", {"names": None}, Dialect(";")),
        ("kommentar;stern\na;1\nb;2\n", {}, Dialect(";")),
        ("text:label\na:1\n", {"asked": ":"}, Dialect(":")),
        ("'text','label'\n'it''s, you','1'\n", {}, Dialect(",", "'")),
        ("text,label\n'so' it's,1\n'no',2\n", {}, Dialect(",")),
        ("text,label\n'Hello',1\n", {}, Dialect(",")),
    ],
)
def test_what_is_decided(sample, options, expected):
    assert of(sample, **options) == expected


def test_what_could_be_either(tmp_path):
    with pytest.raises(DataError, match=r"separated by (commas or by semicolons): choose with --delimiter ',' or"):
        of("1,5;2\n3,5;4\n" * 3, names=None)
    path = tmp_path / "a.csv"
    path.write_text("1,5;2\n3,5;4\n" * 3)
    how = {"text_column": "1", "label_column": "2", "header": False}
    assert read_labelled(path, Layout(delimiter=";", **how))[0].texts[:2] == ["1,5", "3,5"]
    assert read_labelled(path, Layout(delimiter=",", **how))[0].texts[:2] == ["1", "3"]


@pytest.mark.parametrize("delimiter", ["", "ab", "x", '"', "\n", " "])
def test_what_separates_nothing(delimiter):
    for layout in (Layout, BitextLayout):
        with pytest.raises(ArgumentError, match="delimiter must be auto, tab or one character such as ;"):
            layout(delimiter=delimiter)


def test_a_delimiter_makes_a_table_of_any_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("text;label\na b;x\n")
    assert read_labelled(path, Layout(delimiter=";"))[0].texts == ["a b"]
    path.write_text("a b;x y\n")
    assert read_pairs(path, None, BitextLayout(delimiter=";", header=False)).target == ["x y"]


def test_what_excel_says_of_its_separator(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"sep=;\r\ntext;label\r\na, b;x\r\n")
    examples, _ = read_labelled(path, Layout())
    assert (examples.texts, examples.labels) == (["a, b"], ["x"])

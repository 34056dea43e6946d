"""Tables as inputs of a trained model: every row is one, with all its cells."""

import pytest

from unrolled.data.input_table import TextLayout, read_inputs
from unrolled.data.rows import Column
from unrolled.errors import DataError


def layout(requested=None, **options):
    return TextLayout(column=Column("text", "--text-column", requested, ("text", "body")), **options)


@pytest.mark.parametrize(
    ("name", "content", "options", "texts"),
    [
        ("a.csv", "id;body\n1;a, b\n2;\n;;\n\n3;c\n", {}, None),
        ("a.csv", "id;body\n1;a, b\n2;\n;\n\n3;c\n", {}, ["a, b", "", "", "c"]),
        ("a.csv", "mail\nx\n\n y z\n", {"requested": "1", "header": False}, ["mail", "x", "", "y z"]),
        ("a.csv", 'mail\n"x\ny"\n\n', {}, ["x\ny", ""]),
        ("a.tsv", "body\tn\n\t1\nb\t\n", {}, ["", "b"]),
        ("a.csv", "1,x\n2,y\n", {"requested": "2", "header": False}, ["x", "y"]),
        ("a.jsonl", '{"body": "x", "n": 1}\n{"n": 2}\n{"body": null}\n{"body": 5}\n', {}, ["x", "", "", "5"]),
        ("a.txt", "n,body\n1,x\n", {"form": "csv"}, ["x"]),
    ],
)
def test_rows_stay_aligned(tmp_path, name, content, options, texts):
    path = tmp_path / name
    path.write_text(content)
    if texts is None:  # a row with more columns than the header
        with pytest.raises(DataError, match="line 4 has 3 columns"):
            read_inputs(path, layout(**options))
        return
    table = read_inputs(path, layout(**options))
    assert table.texts == texts
    assert len(table.rows) == len(texts)


def test_cells_keep_their_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id;id;body;\r\n7;8;caf\xe9;\r\n".encode("cp1252"))
    table = read_inputs(path, layout())
    assert table.rows == [{"id": "7", "id 2": "8", "body": "caf\xe9", "": ""}]
    assert table.how == (
        "columns separated by semicolons; with a header; text from column 3 (body); read as Windows-1252, because it "
        "is not UTF-8 (--encoding overrides); CRLF line endings"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "a,b\n1,2\n",
            "none of the usual columns for the text .*; its columns are a, b; choose one with --text-column",
        ),
        ("a.csv", "text,b\n", "has no rows"),
        ("a.csv", "", "has no rows"),
        ("a.jsonl", '{"text": ["x"]}\n', "line 1 has no text under 'text'"),
        (
            "a.jsonl",
            '{"x": "y"}\n',
            "none of the usual keys for the text .*; its keys are x; choose one with --text-column",
        ),
    ],
)
def test_what_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_inputs(tmp_path / name, layout())

"""What models are asked about: its text, bytes and JSON, and limits that hold before anything is decoded."""

import itertools
from pathlib import Path

import pytest

from unrolled.errors import DataError
from unrolled.results import Input, chunked


def test_texts_of_every_kind_of_content(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffé\n".encode())
    contents = ["é\n", "é\n".encode(), "\ufeffé\n".encode(), tmp_path / "a.txt"]
    assert [Input(content).text() for content in contents] == ["é\n"] * 4
    assert Input("é\udcff").data() == b"\xc3\xa9?"


def test_titles(tmp_path):
    titles = [Input(content, name).title for content, name in (("a b", ""), (Path("x/y"), ""), (b"", ""), (b"", "up"))]
    assert titles == ["a b", "x/y", "the input", "up"]


def test_json(tmp_path):
    (tmp_path / "a.json").write_text('{"a": [1]}')
    for content in ({"a": [1]}, '{"a": [1]}', b'{"a": [1]}', tmp_path / "a.json"):
        assert Input(content).json() == {"a": [1]}


@pytest.mark.parametrize(
    ("content", "ask", "expected"),
    [
        (b"ab\xffc", "text", "x is not UTF-8 text: byte 0xff at offset 2; convert it"),
        ({"a": 1}, "data", "x is JSON, and a file was expected; send the file's bytes"),
        ([1], "text", "x is JSON, and a file was expected; send the file's bytes"),
        ("{", "json", "x is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ("[" * 100_000, "json", "x is not JSON (maximum recursion depth exceeded"),
        (Path("no/such/file"), "data", "cannot read x: No such file or directory"),
        (Path("/"), "text", "cannot read x: Is a directory"),
        (Path("a\0b"), "text", "cannot read x: embedded null byte"),
    ],
)
def test_what_cannot_be_read_is_one_line(content, ask, expected):
    with pytest.raises(DataError) as raised:
        getattr(Input(content, "x"), ask)()
    assert str(raised.value).startswith(expected)


def test_no_more_than_the_limit_is_read(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)  # sparse: it could not be read
    for content in (tmp_path / "large", b"123456", "123456"):
        with pytest.raises(DataError, match=r"^x has [67] bytes, more than the limit of 5$"):
            Input(content, "x").data(5)
    assert Input(b"12345").data(5) == b"12345"


def test_chunks_are_taken_one_after_the_other():
    taken = []
    chunks = chunked(map(taken.append, itertools.count()), 3)
    for n in range(1, 3):
        assert next(chunks) == [None] * 3
        assert taken == list(range(3 * n))
    assert list(chunked("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(chunked([], 2)) == []

"""Files of rows: where lines end, and where a row stands."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import rows, textfile
from unrolled.data.rows import csv_rows, lines, tsv_rows, without_end
from unrolled.data.textfile import TextFile, mixed_ends
from unrolled.errors import DataError


@settings(deadline=None, max_examples=50)
@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"])), min_size=1),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_only_two_ends_of_lines(tmp_path_factory, texts, end):
    path = tmp_path_factory.mktemp("rows") / "a.txt"
    path.write_bytes("".join(text + end for text in texts).encode("utf-8-sig"))
    assert [without_end(line) for line in lines(TextFile(path))] == texts


@settings(deadline=None, max_examples=100)
@given(text=st.text("ab\r\n", max_size=16), block=st.integers(1, 5))
def test_a_return_ends_a_line_wherever_the_blocks_are_cut(tmp_path_factory, text, block):
    file = TextFile(tmp_path_factory.mktemp("rows") / "a.txt")
    file.path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfile, "BLOCK", block)
        found, mixed = list(lines(file, lone_cr=True)), mixed_ends(file)
    assert "".join(found) == text
    plain = re.sub("\r?\r\n", "\n", text)
    assert [without_end(line) for line in found] == re.split("[\r\n]", plain)[: len(found)]
    assert len(found) == len(re.findall("[\r\n]", plain)) + (text[-1:] not in ("\r", "\n", ""))
    assert mixed == ("\n" in plain and "\r" in plain)


def test_what_other_readers_cut_at_is_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("a\u2028b\x0bc\x0cd\x85e\rf\ng\r".encode())
    assert list(lines(TextFile(path))) == ["a\u2028b\x0bc\x0cd\x85e\rf\n", "g\r"]


def test_rows_tell_the_line_in_which_they_begin(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"1\n2",x\n\n3,y\n')
    assert list(csv_rows(TextFile(path))) == [(1, ["a", "b"]), (2, ["1\n2", "x"]), (5, ["3", "y"])]
    path.write_text("a\tb\n\n3\r\ty\r\n")
    assert list(tsv_rows(TextFile(path))) == [(1, ["a", "b"]), (3, ["3\r", "y"])]


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "LONGEST", 1000)
    path = tmp_path / "a.txt"
    path.write_text("a" * 2000)
    with pytest.raises(DataError, match="has a line of over 1,000 characters; is it the right file"):
        list(lines(TextFile(path)))

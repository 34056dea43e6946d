"""Files of rows: where lines end, and where a row stands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import rows
from unrolled.data.rows import csv_rows, lines, tsv_rows, without_end
from unrolled.data.textfile import TextFile
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

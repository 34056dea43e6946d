"""Columns that are guessed from the contents of a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from unrolled.data.labelled import Layout, read_labelled
from unrolled.errors import DataError

TEXTS = ["I cannot log in today", "the invoice is wrong again", "where is my parcel now"]


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def read(path: Path, **options: str) -> tuple[list[str], list[str], str]:
    examples, _ = read_labelled(path, Layout(**options))
    return examples.texts[:3], examples.labels[:3], examples.how


def test_both_columns_are_guessed_from_their_contents(tmp_path: Path) -> None:
    rows = [f"{n},{TEXTS[n % 3]} {n},{'AB'[n % 2]}{'' if n else ' '},{n % 5}" for n in range(20)]
    path = write(tmp_path / "a.csv", "nr,what,where,stage", rows)
    texts, labels, how = read(path)
    assert (texts, labels) == ([f"{text} {n}" for n, text in enumerate(TEXTS)], ["A", "B", "A"])
    assert how.endswith(
        "text from column 2 (what), label from column 3 (where), both guessed from their contents "
        "(--text-column and --label-column override)"
    )
    assert read_labelled(path, Layout())[0].guessed == {"--text-column": "what", "--label-column": "where"}


def test_the_column_beside_a_given_or_usual_one_is_guessed(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", "body,via,where", [f"{TEXTS[n % 3]},{'xy'[n % 2]},{'AB'[n % 2]}" for n in range(9)]
    )
    with pytest.raises(DataError, match=r"columns for the label \(label, .*; its columns are body, via, where; "):
        read(path)  # two columns of four and five equal values: too few
    path = write(tmp_path / "b.csv", "body,nr,where", [f"{TEXTS[n % 3]},{n},{'AB'[n % 2]}" for n in range(10)])
    assert read(path)[2].endswith(
        "label from column 3 (where), label guessed from its contents (--label-column overrides)"
    )
    path = write(tmp_path / "c.csv", "what,label", [f"{TEXTS[n % 3]},{'AB'[n % 2]}" for n in range(10)])
    assert "text guessed from its contents (--text-column overrides)" in read(path)[2]
    assert "guessed" not in read(path, text_column="what")[2]


def test_an_ambiguous_table_is_refused_with_a_ready_command(tmp_path: Path) -> None:
    rows = [f"{'xy'[n % 2]},{TEXTS[n % 3]},{'AB'[n % 2]}" for n in range(12)]
    path = write(tmp_path / "a.csv", "via,my text,where", rows)
    with pytest.raises(DataError, match=r"use --text-column 'my text' --label-column via \(or where\)"):
        read(path)
    rows = [f"{TEXTS[n % 3]},{TEXTS[n % 2]},{'AB'[n % 2]}" for n in range(12)]
    with pytest.raises(
        DataError, match=r"use --text-column p \(or q\) --label-column z|use --text-column p --label-col"
    ):
        read(write(tmp_path / "b.csv", "p,q,z", rows))


def test_usual_names_of_tickets_are_known(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv", "id;channel;message;queue", ["1;web;I cannot log in;Login", "2;mail;too much;Bill"]
    )
    assert read(path)[:2] == (["I cannot log in", "too much"], ["Login", "Bill"])

"""What is said of a file before training, and by `unrolled data`; runs from before there were rules for line ends."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_parts import TINY
from rich.console import Console
from test_bad_input import refused

import unrolled as package
from unrolled.cli.arguments import parse
from unrolled.cli.terminal.console import Live
from unrolled.errors import UnrolledError
from unrolled.tasks import task_class
from unrolled.tasks.common.excerpts import excerpts, visible
from unrolled.training.config import update
from unrolled.training.log import Excerpt

CRLF = "The cat sat\r\non the mat.\r\n"


def told(unrolled, *words: str) -> list[str]:
    """The notes before a training."""
    said = unrolled("train", *words, "--json")
    assert said.status == 0, said.err
    notes: list[str] = json.loads(said.out.splitlines()[0])["notes"]
    return notes


def prepared(task: str, data: Path, **options: str) -> list[str]:
    """The same, without a training."""
    cls = task_class(task)
    return cls(update(cls.Config(), data=str(data), **options)).prepare()


def test_labelled_texts_and_pairs(home: Path) -> None:
    rows = [f"Good, {number};pos\nBad\x1b {number};neg\n" for number in range(20)]
    (home / "a.csv").write_text("text;label\n" + "".join(rows))
    notes = prepared("classify", home / "a.csv")
    how = "columns separated by semicolons; with a header; text from column 1 (text), label from column 2 (label)"
    assert f"{home / 'a.csv'}: {how}" in notes
    assert [note for note in notes if note.startswith("read: ")] == ["read: pos ← Good, 0", "read: neg ← Bad␛ 0"]
    notes = prepared("translate", home / "a.csv", target_column="label", vocabulary="char")
    assert [note for note in notes if note.startswith("read: ")] == ["read: Good, 0 → pos", "read: Bad␛ 0 → neg"]


def test_tagged_text(unrolled, home: Path) -> None:
    row = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_\n"
    (home / "a.conllu").write_text((row.format(1, "Ann", "PROPN") + row.format(2, "sings", "VERB") + "\n") * 20)
    notes = prepared("tag", home / "a.conllu")
    assert "read: Ann/PROPN sings/VERB" in notes
    assert any("of CoNLL-U; words from column 1, tags from column 3" in note for note in notes)
    said = unrolled("data", "a.conllu")
    assert "of CoNLL-U; words from column 1" in said.out


def test_line_ends_of_a_language_model(unrolled, home: Path) -> None:
    (home / "a.txt").write_bytes(("\ufeff" + CRLF * 40).encode())
    notes = told(unrolled, "lm", "--data", "a.txt", "--steps", "2", "--run", "unified", *TINY)
    assert notes[1:3] == [r"CRLF line endings converted to \n; --line-ends keep keeps them", "byte order mark removed"]
    assert f"read: {visible(CRLF.replace(chr(13), '') * 12)[:300]}"[:40] in [note[:40] for note in notes]
    told(unrolled, "lm", "--data", "a.txt", "--steps", "2", "--run", "kept", "--line-ends", "keep", *TINY)
    for run, symbols in (("unified", set(CRLF) - {"\r"}), ("kept", set(CRLF))):
        model = package.load(run)
        assert set(model.vocabulary.symbols) == symbols
        assert model.evaluate("a.txt")["loss"] > 0  # read by the model's own rule
        said = unrolled("evaluate", run, "--data", "a.txt")
        assert said.status == 0, said.err
    said = unrolled("inspect", "unified", "--data", "a.txt", "--json", "--states", "2", "--no-html")
    assert "\\r" not in said.out


def test_a_run_from_before_reads_its_text_as_it_did(unrolled, home: Path) -> None:
    text = "\ufeff" + CRLF * 40
    (home / "a.txt").write_bytes(text.encode())
    package.train(
        "lm", run="old", data="a.txt", line_ends=None, hidden_size=8, num_layers=1, batch_size=4, bptt=8, steps=2
    )
    assert "line_ends" not in (home / "old" / "config.toml").read_text()  # as those were written
    model = package.load("old")
    assert model.config.data.line_ends is None
    assert set(model.vocabulary.symbols) == set(text)
    before = json.loads(unrolled("evaluate", "old", "--split", "train", "--json").out)
    assert before["symbols"] == int(0.9 * len(text))
    assert json.loads(unrolled("evaluate", "old", "--data", "a.txt", "--json").out)["symbols"] == len(text)
    said = unrolled("resume", "old", "--steps", "4")
    assert said.status == 0, said.err
    assert "line_ends" not in (home / "old" / "config.toml").read_text()
    assert unrolled("train", "--recipe", "old/config.toml", "--run", "new").status == 0
    assert package.load("new").config.data.line_ends == "unify"  # a new run


def test_prompts_and_texts_with_marks(unrolled, trained: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = unrolled("sample", trained, "--prompt", "the cat\nsat", "--length", "9").out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffthe cat\r\nsat".encode())))
    assert unrolled("sample", trained, "--prompt", "-", "--length", "9").out == wanted


def test_data_says_how_a_file_would_be_read(unrolled, home: Path) -> None:
    (home / "a.csv").write_bytes(b"text;label\r\na, b;1\r\nc;2\r\n")
    said = json.loads(unrolled("data", "a.csv", "--json").out)
    assert said["notes"] == [r"CRLF line endings converted to \n"]
    assert [(one["task"], one["first"]) for one in said["read"]] == [
        ("classify", ["read: 1 ← a, b", "read: 2 ← c"]),
        ("translate", ["read: a, b → 1", "read: c → 2"]),
    ]
    assert said["characters"] == 25 - 3
    (home / "b.csv").write_text("n;body;mood\n1;ok;x\n2;no;y\n")
    for words, first in (
        (("classify", "--text-column", "body", "--label-column", "mood"), ["read: x ← ok", "read: y ← no"]),
        (
            ("classify", "--text-column", "2", "--label-column", "3", "--no-header"),
            ["read: mood ← body", "read: x ← ok"],
        ),
        (("translate", "--source-column", "body", "--target-column", "n"), ["read: ok → 1", "read: no → 2"]),
        (
            ("translate", "--target", "a.csv", "--form", "lines"),
            ["read: n;body;mood → text;label", "read: 1;ok;x → a, b;1"],
        ),
    ):
        said = json.loads(unrolled("data", "b.csv", "--json", "--task", *words).out)
        assert said["read"][0]["first"] == first
    refused(
        unrolled("data", "b.csv", "--text-column", "2"),
        "--text-column must be omitted unless --task is classify",
    )
    refused(unrolled("data", "b.csv", "--task", "tag", "--form", "csv"), "unless --task is classify or translate")
    refused(unrolled("data", "dates", "--task", "translate", "--form", "csv"), "--form must be omitted with --data dat")
    assert "for classify   columns separated by semicolons; with a header" in unrolled("data", "a.csv").out
    (home / "b.csv").write_text("a,b\n1,2\n")
    assert "no: b.csv has none of the usual columns" in unrolled("data", "b.csv").out
    refused(unrolled("data", "b.csv", "--task", "classify"), "b.csv has none of the usual columns")
    assert json.loads(unrolled("data", "b.csv", "--task", "lm", "--json").out)["read"] == []


def test_excerpts_fit_the_terminal_and_cannot_steer_it() -> None:
    first, second = excerpts(["a\tb\r\n\x1b[31m\u202e\ufeff" + "x" * 500, "y", "z"])
    assert first[:21] == "read: a→b␍↵␛[31m\ufffd\ufffdxxx"
    assert (len(first), second) == (306, "read: y")
    stream = Console(file=io.StringIO(), force_terminal=True, width=40, markup=False, highlight=False, emoji=False)
    live = Live(stream)
    live.note(Excerpt("read: " + "字" * 100))
    assert isinstance(stream.file, io.StringIO)
    lines = stream.file.getvalue().strip().splitlines()
    assert len(lines) == 1
    assert "字" * 16 + "…" in lines[0]


@pytest.mark.parametrize(
    ("task", "name", "content", "message", "remedy"),
    [
        ("translate", "a.csv", "one,eins\ntwo,zwei\n", "or use --no-header", "--no-header"),
        (
            "translate",
            "a.jsonl",
            '{"translation": {"en": "one", "de": "eins"}}\n{"translation": {"en": "two", "de": "zwei"}}\n',
            "use --source-column translation.en --target-column translation.de",
            "--source-column translation.en --target-column translation.de",
        ),
        (
            "classify",
            "a.txt",
            "pos,one two\nneg,three\n",
            "--form csv --no-header --delimiter ',' --text-column N --label-column M",
            "--form csv --no-header --delimiter , --text-column 2 --label-column 1",
        ),
        (
            "classify",
            "a.txt",
            "1\tpos\tone\n2\tneg\ttwo\n",
            "--form tsv --no-header --text-column N --label-column M",
            "--form tsv --no-header --text-column 3 --label-column 2",
        ),
        ("classify", "a.txt", "a,b one\nc,d two\n", "otherwise --form lines", "--form lines"),
        ("tag", "a.conll", "a\tX\t\nb\tY\tZ\n\n", "give the column of tags with --tag-column", "--tag-column 1"),
    ],
)
def test_what_a_message_offers_works(home: Path, task: str, name: str, content: str, message: str, remedy: str) -> None:
    (home / name).write_text("".join(content.replace("one", f"one{n}") for n in range(60)))
    cls = task_class(task).Config
    words = ["--data", str(home / name)]
    with pytest.raises(UnrolledError) as caught:
        sets(parse(cls, words, "unrolled train", "").data)
    assert message in str(caught.value)
    assert len(sets(parse(cls, [*words, *remedy.split()], "unrolled train", "").data).train)


def sets(data: Any) -> Any:
    """The three sets of any task's data."""
    return data.source().read() if hasattr(data, "source") else data.read()


@pytest.mark.parametrize(("word", "header"), [("--no-header", False), ("--header", True), ("--header=false", False)])
def test_a_flag_that_may_be_unset_has_an_opposite(word: str, header: bool) -> None:
    assert parse(task_class("translate").Config, ["--data", "a.csv", word], "unrolled train", "").data.header is header


def test_classes_are_listed_before_training(home: Path) -> None:
    (home / "a.csv").write_text("text,label\n" + "".join(f"text {n},c{n % 12:02}\n" for n in range(240)))
    notes = prepared("classify", home / "a.csv")
    assert "12 classes: " + ", ".join(f"c{n:02} (20)" for n in range(12)) in notes

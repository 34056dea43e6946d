"""The task tag through the command line: train on a file, ask, measure, and what is said of files that do not do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import unrolled as package

LINES = """Teddy B-person
Lee I-person
was O
here O

Teddy O
bears O
are O
here O

"""
SMALL = (
    "--hidden-size 12 --embedding-size 10 --character-size 8 --letter-size 5 --dropout 0 --batch-size 4 "
    "--fractions 1 0 0 --word-dropout 0 --steps 60 --lr 0.03 --average none --warmup 0"
).split()


@pytest.fixture
def words(home: Path) -> Path:
    path = home / "words.conll"
    path.write_text(LINES * 4)
    return path


@pytest.fixture
def run(unrolled, words: Path, home: Path) -> Path:
    said = unrolled("train", "tag", "--data", words.name, "--run", "runs/names", *SMALL)
    assert said.status == 0, said.err
    assert "unrolled predict runs/names" in said.out
    return home / "runs" / "names"


def test_train_ask_and_measure(unrolled, run: Path, words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("Teddy Lee was here", "Teddy bears are here")
    said = unrolled("predict", run, *asked)
    first, second = (json.loads(line) for line in unrolled("predict", run, *asked, "--json").out.splitlines())
    [piece] = first["pieces"]
    chance = piece.pop("probability")
    assert 0.5 < chance <= 1
    marked = f"[Teddy Lee]person({chance:.0%}) was here"
    assert said.out.splitlines() == [marked, "Teddy bears are here"]
    assert piece == {"begin": 0, "end": 9, "text": "Teddy Lee", "label": "person"}
    assert second["pieces"] == []
    unknown = unrolled("predict", run, "Teddy Lee zorb here", "--explain").out
    assert re.fullmatch(
        r"\[Teddy Lee\]person\(\d+%\) zorb\(([+-]\d+\.\d\d, )?unknown\) here.*"
        r"\tTeddy Lee: log-odds of person against no entity \+\d+\.\d\d nats "
        r"\([+-]\d+\.\d\d without the words, [+-]\d+\.\d\d itself, [+-]\d+\.\d\d the other words\)\n",
        unknown,
    )
    (run / "lines.txt").write_text(f"\n{asked[0]}\n  \n{asked[1]}")
    lines = unrolled("predict", run, "--file", run / "lines.txt").out.split("\n")
    assert lines == ["", marked, "", asked[1], ""]
    rows = unrolled("predict", run, "--file", run / "lines.txt", "--json", "--explain").out.splitlines()
    assert [len(json.loads(row)["pieces"]) > 0 for row in rows] == [False, True, False, False]
    page = run / "page.html"
    assert unrolled("predict", run, asked[0], "--html", page).status == 0
    text = page.read_text()
    assert re.search(rf">Teddy Lee<small[^>]*>person {chance:.0%}</small></mark>", text)
    assert ">person</mark>" in text  # the legend
    assert "prefers-color-scheme: dark" in text

    found = json.loads(unrolled("evaluate", run, "--split", "train", "--json").out)
    model = package.load(run)
    assert found["f1"] == model.evaluate_data(split="train")["f1"] == 1
    assert found["types"]["person"]["entities"] == 4
    monkeypatch.chdir(run)  # the run knows where its data lies
    table = unrolled("evaluate", run, "--split", "train").out.split()
    at = table.index("person")
    assert table[at : at + 5] == ["person", "4", "1.0000", "1.0000", "1.0000"]
    assert json.loads(unrolled("evaluate", run, "--data", words, "--json").out)["f1"] == 1
    turned = run / "turned.txt"
    rows = [line.split() for line in words.read_text().splitlines()]
    turned.write_text("".join(" ".join(["-", *row[::-1]] if row else []) + "\n" for row in rows))
    said = unrolled("evaluate", run, "--data", turned, "--token-column", "2", "--tag-column", "1", "--json")
    assert json.loads(said.out)["f1"] == 1
    assert said.err.startswith(f"{turned}: 3 columns separated by spaces; words from column 2, tags from column 1")
    assert "\nread: " in said.err
    assert "--scheme must be one of" in unrolled("evaluate", run, "--data", turned, "--scheme", "bi").err
    assert "has no option --no-header" in unrolled("evaluate", run, "--data", turned, "--no-header").err
    assert "no sentences to evaluate on" in unrolled("evaluate", run).err
    heldout = unrolled("evaluate", run, "--split", "heldout")
    assert (heldout.status, "one of valid, test, train" in heldout.err) == (2, True)


def test_without_any_file(unrolled, home: Path) -> None:
    said = unrolled("train", "tag", *SMALL[:6], "--characters", "none", "--no-crf", "--steps", "2")
    assert said.status == 0, said.err
    assert "generated: 4,000 training, 500 validation, 1,000 test sentences" in said.out
    [counts] = re.findall(r"^entities: (.*)$", said.out, re.MULTILINE)
    assert sorted(re.findall(r"(\w+) \([\d,]+\)", counts)) == ["date", "organisation", "person", "place"]
    scores = json.loads(unrolled("evaluate", "runs/tag-generated-1", "--split", "valid", "--json").out)
    assert scores["types"]["person"]["entities"] > 300
    named = [json.loads(line) for line in unrolled("data", "--json").out.splitlines()]
    assert [one["task"] for one in named if one["name"] == "wikigold"] == ["tag"]


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("a B-x\nb I-y\n\nc B-x\n\nd B-y\n", [], "line 2: I-y after B-x); correct them"),
        ("a O\nb O\n", [], "has the tag O: there is nothing to learn"),
        ("a B-x\n", ["--tag-column", "3"], "--tag-column must be a column of"),
        ("a B-x O\nb O\n", [], "line 2 of "),
        ("", [], "has no sentences"),
        ("a B-x\n", ["--folds", "1"], "--fold must be less than folds"),
    ],
)
def test_files_that_do_not_do(unrolled, home: Path, text: str, flags: list[str], message: str) -> None:
    (home / "bad").write_text(text)
    said = unrolled("train", "tag", "--data", "bad", *flags)
    assert said.status == 2
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not (home / "runs").exists() or not any((home / "runs").iterdir())


def test_repair(unrolled, home: Path) -> None:
    (home / "bad").write_text(LINES.replace("B-person", "I-person") + LINES * 3)
    assert unrolled("train", "tag", "--data", "bad", *SMALL, "--steps", "1").status == 2
    said = unrolled("train", "tag", "--data", "bad", *SMALL, "--steps", "1", "--repair")
    assert said.status == 0
    assert "1 tags repaired" in said.out

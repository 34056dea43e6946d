"""unrolled inspect: the table, the JSON object, the page, the states, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def few(text_file: Path, home: Path) -> Path:
    (home / "few.txt").write_text(text_file.read_text()[:2500])
    (home / "mine.py").write_text(
        "import numpy as np\n\n\ndef third(text):\n    return np.arange(len(text)) % 3 == 0\n\n\n"
        "def short(text):\n    return [1]\n"
    )
    return home / "few.txt"


def test_json(unrolled, trained: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--hypothesis", "a cat=cat", "--hypothesis=mine:third", "--top", "3", "--json"]
    monkeypatch.syspath_prepend(few.parent)
    said = unrolled("inspect", trained, "--data", few, *words)
    assert said.status == 0, said.err
    told = json.loads(said.out)
    assert (told["event"], told["characters"], told["units"], told["twins"]) == ("inspect", 2500, 6 * 16, 19)
    found = {one["hypothesis"]: one for one in told["findings"]}
    assert {"a cat", "mine:third", "position in the line", "vowel"} <= set(found)
    assert found["a cat"]["measure"] == "auc"
    assert found["position in the line"]["measure"] == "r2"
    for one in told["findings"]:
        assert len(one["best"]) == 3
        assert len(one["twins"]) == len(one["shifted"]) == 19
        best = max(*one["twins"], *one["shifted"], one["symbol"])
        assert one["excess"] == pytest.approx(one["best"][0]["score"] - best)
        assert one["found"] == (one["p"] <= 0.05 and one["excess"] > 0)
        assert one["best"][0]["unit"]["name"].startswith("layer 1 ")
    assert told["left_out"]["digit"] == "never true in this text"


def test_table_page_and_states(unrolled, trained: Path, few: Path) -> None:
    words = ["--data", few, "--limit", "2000", "--html", "page.html", "--states", "kept"]
    said = unrolled("inspect", trained, *words)
    assert said.status == 0, said.err
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == "hypothesis unit measure score ρ twins shifted token excess p".split()
    assert any("vowel" in row for row in rows)
    assert "2,000 characters" in said.out
    assert "not tested" in said.out
    source = Path("page.html").read_text()
    assert few.read_text()[:60].splitlines()[0] in source
    assert "2,000 characters of" in source
    assert np.load("kept/layers.0.0.h.npy").shape == (2000, 16)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "--data must be a text"),
        (["--data", "nowhere.txt"], "file, folder or named corpus 'nowhere.txt' does not exist"),
        (["--data", "empty.txt"], "empty.txt is empty; give a file with text"),
        (["--data", "few.txt", "--hypothesis", "a=("], "--hypothesis must be NAME=REGEX that compiles"),
        (["--data", "few.txt", "--hypothesis", "mine:nothing"], "--hypothesis must be a function that can be imported"),
        (["--data", "few.txt", "--hypothesis", "mine:short"], "for each of the 2500 characters"),
        (["--data", "few.txt", "--hypothesis", "cat"], "--hypothesis must be NAME=REGEX or module:function"),
        (["--data", "few.txt", "--hypothesis"], "--hypothesis needs a value: a text"),
        (["--data", "few.txt", "--twins", "8"], "--twins must be an integer of at least 19"),
        (["--data", "few.txt", "--html", "no/where.html"], "--html must be in a folder that exists"),
        (["--data", "few.txt", "--states", "runs"], "--states must be a folder that does not exist yet"),
        (["--data", "text:0123456789"], "characters that are not in the char vocabulary"),
        (["--data", "text:cat"], "the text is too short"),
    ],
)
def test_bad_input_is_one_line(
    unrolled, trained: Path, few: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: str
) -> None:
    monkeypatch.syspath_prepend(few.parent)
    (few.parent / "empty.txt").write_text("")
    said = unrolled("inspect", trained, *words)
    assert said.status == 2
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_model_without_recurrent_layers(unrolled, few: Path) -> None:
    made = unrolled("train", "lm", "--kind", "ngram", "--data", few, "--run", "runs/counts")
    assert made.status == 0, made.err
    said = unrolled("inspect", "runs/counts", "--data", few)
    assert said.status == 2
    assert "a NGram has no recurrent layers" in said.err

"""unrolled inspect: the table, the JSON object, the page, the states, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from unrolled import api
from unrolled.cli.inspect.text import text_of
from unrolled.data import Split


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
    words = ["--data", few, "--limit", "2000", "--html", "page.html", "--states", "kept", "--units", "3"]
    said = unrolled("inspect", trained, *words)
    assert said.status == 0, said.err
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == "hypothesis unit measure score ρ twins shifted token excess p".split()
    assert any("vowel" in row for row in rows)
    assert "2,000 characters" in said.out
    assert "not tested" in said.out
    assert "unit hypothesis measure score baseline excess p".split() in rows
    assert any(line.startswith("layer 1 h[3]: ") for line in said.out.splitlines())
    for finding in said.out.split("\n\n")[0].splitlines()[1:]:  # what no unit explains is only named
        assert "AUC      0.5" not in finding
        assert "R²       -" not in finding or finding.startswith("★")
    source = Path("page.html").read_text()
    assert few.read_text()[:60].splitlines()[0] in source
    assert "2,000 characters of" in source
    assert "layer 1 h[3]" in json.loads(source.split('id="data">')[1].split("</script>")[0])["units"][0]["heading"]
    assert np.load("kept/layers.0.0.h.npy").shape == (2000, 16)


def test_a_short_text_has_no_scores(unrolled, trained: Path, few: Path) -> None:
    said = unrolled("inspect", trained, "--data", few, "--limit", "700")
    assert said.status == 0, said.err
    assert said.out.startswith("no scores: the text is too short for scores: ")
    assert "AUC" not in said.out
    assert "AUC" in unrolled("inspect", trained, "--data", few, "--limit", "700", "--all").out


def test_without_data_it_is_the_test_part(unrolled, trained: Path, text_file: Path, home: Path) -> None:
    said = unrolled("inspect", trained, "--limit", "500", "--html", "page.html")
    assert said.status == 0, said.err
    assert f"text {text_file} (test part): 500 characters" in " ".join(said.out.split())
    assert f"500 characters of {text_file} (test part)" in Path("page.html").read_text()


class Lines:
    """A model that reads its texts separately, as a classifier does."""

    config = SimpleNamespace(data=SimpleNamespace(data="reviews"))

    def own_lines(self):
        return ["not  bad", "", "two\nlines", "a third"]


def test_the_test_part_of_a_model_that_reads_lines() -> None:
    assert text_of(Lines(), "", 1000) == ("not bad\ntwo lines\na third\n", [0], "reviews (test part)")
    assert text_of(Lines(), "", 9)[0] == "not bad\nt"


def test_the_test_part_may_begin_within_a_document(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = api.load(str(trained))
    tokens = model.vocabulary.encode("cat sat the mat")
    monkeypatch.setattr(model, "own_text", lambda part: (None, Split(tokens, np.array([4, 8]), len(tokens), 0)))
    assert text_of(model, "", 100)[:2] == ("cat sat the mat", [0, 4, 8])
    assert text_of(model, "", 6)[:2] == ("cat sa", [0, 4])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "nowhere.txt"], "file, folder or named corpus 'nowhere.txt' does not exist"),
        (["--data", "empty.txt"], "empty.txt is empty; give a file with text"),
        (["--data", "few.txt", "--hypothesis", "a=("], "--hypothesis must be NAME=REGEX that compiles"),
        (["--data", "few.txt", "--hypothesis", "mine:nothing"], "--hypothesis must be a function that can be imported"),
        (["--data", "few.txt", "--hypothesis", "mine:short"], "for each of the 2500 characters"),
        (["--data", "few.txt", "--hypothesis", "cat"], "as in 'name=cat'; built in: inside double quotes, inside a"),
        (
            ["--data", "few.txt", "--hypothesis", "^ +"],
            "NAME=REGEX or module:function, got '^ +'; give the expression a",
        ),
        (["--data", "few.txt", "--hypothesis"], "--hypothesis needs a value: a text"),
        (["--data", "few.txt", "--units", "16"], "--units must be from h[0] to h[15], got '16'"),
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

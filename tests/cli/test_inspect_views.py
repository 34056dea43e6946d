"""unrolled inspect VIEW: what each view tells is what the analysis of it gives; what is refused, and when."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import unrolled as package
from unrolled.analysis.compare import compare
from unrolled.analysis.control import controlled, random_others
from unrolled.analysis.lookback import lookback
from unrolled.analysis.matching import match_units
from unrolled.analysis.saturation import saturation
from unrolled.analysis.similar import select, similar
from unrolled.analysis.text_windows import as_split, expected_after
from unrolled.analysis.unit_names import NamedUnit
from unrolled.cli.inspect import view
from unrolled.cli.inspect.ablate import _row
from unrolled.cli.inspect.view import VIEWS, side_by_side, text_of
from unrolled.data import ByteVocabulary, Split
from unrolled.errors import ArgumentError

UNIT = ["--unit", "layer 1 h[3]"]


@pytest.fixture
def few(text_file: Path, home: Path) -> Path:
    (home / "few.txt").write_text(text_file.read_text()[:1500])
    return home / "few.txt"


@pytest.fixture
def told(unrolled, trained: Path, few: Path) -> Callable[..., dict]:
    """What a view says as JSON."""

    def call(name: str, *words: object) -> dict:
        said = unrolled("inspect", name, trained, *words, "--data", few, "--json")
        assert said.status == 0, said.err
        found: dict = json.loads(said.out)
        assert (found["event"], found["data"]) == (name, str(few))
        return found

    return call


def plain(value: object) -> object:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_every_view_has_help_with_an_example(unrolled, name: str) -> None:
    said = unrolled("inspect", name, "--help")
    assert said.status == 0
    assert f"usage: unrolled inspect {name}" in said.out
    assert f"unrolled inspect {name} runs/" in said.out
    assert "default: None" not in said.out
    assert name in unrolled("inspect", "--help").out


def test_a_word_is_a_view_unless_there_is_such_a_path(unrolled, trained: Path, few: Path) -> None:
    said = unrolled("inspect", "saturaton", trained)
    assert said.err == "error: unrolled inspect has no view 'saturaton'; did you mean 'saturation'?\n"
    assert "nowhere is not a file" in unrolled("inspect", "nowhere", "--data", few).err
    trained.rename("similar")
    said = unrolled("inspect", "similar", "--data", few, "--twins", "3")
    assert "--twins must be" in said.err  # the cell search of the run


def test_saturation(told, unrolled, trained: Path, few: Path) -> None:
    found = told("saturation", "--lanes", "1")
    expected = saturation(package.load(trained), few.read_text())
    assert found["gates"] == plain(expected.as_json()["gates"])
    assert (found["steps"], found["low"]) == (1499, 0.1)
    out = unrolled("inspect", "saturation", trained, "--data", few, "--low", "0.4", "--high", "0.6").out
    wide = saturation(package.load(trained), few.read_text(), low=0.4, high=0.6)
    for one in wide.gates:
        name = {"i": "input", "f": "forget", "o": "output"}[one.gate]
        mostly = [str((share >= 0.9).sum()) for share in (one.left, one.right)]
        shares = [f"{share.mean():.1%}" for share in (one.left, one.right)]
        assert ["layer", "1", name, "gate", "16", *shares, *mostly] in [line.split() for line in out.splitlines()]


def test_ablate(told, unrolled, trained: Path, few: Path) -> None:
    model, unit = package.load(trained), NamedUnit(0, 0, 3, "h")
    split = as_split(model, few.read_text())
    for value in (0.0, 0.7, "mean"):
        found = told("ablate", *UNIT, "--random", "4", "--seed", "2", "--value", value, "--lanes", "1")
        others = random_others(model, [unit], 4, seed=2)
        expected = controlled(model, split, [unit], others, value=value, seed=2)
        assert found["groups"] == [plain(expected.as_json())]
    rows = [line.split() for line in unrolled("inspect", "ablate", trained, "--data", few, *UNIT).out.splitlines()]
    expected = controlled(model, split, [unit], random_others(model, [unit], 30))
    assert rows[0] == ["layer", "1", "h[3]", "held", "at", "0"]
    assert rows[1] == "predicted count loss rise from to random ± above".split()
    assert rows[2][:3] == ["letter", f"{expected.counts[0]:,}", f"{expected.baseline[0]:.4f}"]
    last = rows[1 + len(expected.kinds)]
    figures = (expected.rises[0, -1], *expected.ranges[:, 0, -1], expected.mean[-1])
    assert last[:2] == ["all", "1,499"]
    assert last[3:7] == [f"{value:+.4f}" for value in figures]
    assert last[8:] == [str(expected.above[0, -1]), "of", "15"]  # no more units are left


def test_a_rise_that_rounds_to_zero_has_no_minus() -> None:
    tiny = np.full((1, 1), -1e-6)
    result = SimpleNamespace(
        kinds=["all"], counts=[5], baseline=[2.0], rises=tiny, ranges=np.full((2, 1, 1), -1e-6), others=[1],
        mean=[-1e-6], deviation=[0.0], above=np.ones((1, 1), dtype=int),
    )  # fmt: skip
    assert _row(result, 0, 0)[3:7] == ["+0.0000"] * 4


def test_ablate_units_of_h_and_c_and_a_hypothesis(told, few: Path) -> None:
    words = ["--unit", "layer 1 c[2]", *UNIT, "--unit", "layer 1 c[9]", "--random", "2", "--hypothesis", "a cat=cat"]
    groups = told("ablate", *words)["groups"]
    assert [one["place"] for one in groups] == ["layer 1 c", "layer 1 h"]
    assert [one["unit"] for one in groups[0]["units"]] == ["layer 1 c[2]", "layer 1 c[9]"]
    inside = 3 * few.read_text().count("cat")
    assert dict(zip(groups[0]["kinds"], groups[0]["counts"], strict=True)) == {
        "not a cat": 1499 - inside, "a cat": inside, "all": 1499,
    }  # fmt: skip
    assert {one["unit"][:9] for one in groups[0]["random"]} == {"layer 1 c"}
    assert told("ablate", *UNIT, "--hypothesis", "vowel")["groups"][0]["kinds"] == ["not vowel", "vowel", "all"]


def test_lookback(told, unrolled, trained: Path, few: Path) -> None:
    model, text = package.load(trained), few.read_text()
    found = told("lookback", "--count", "20", "--reach", "30")
    expected = lookback(model, text, count=20, reach=30)
    assert found["mean"] == plain(expected.as_json()["mean"])
    assert found["memory"] == expected.memory()
    assert [one["at"] for one in found["positions"]] == (expected.positions + 1).tolist()
    out = unrolled("inspect", "lookback", trained, "--data", few, "--count", "20", "--reach", "30").out
    assert f"90% of the norm lies within {expected.memory()} tokens" in out
    mean = expected.mean()
    assert ["4", f"{mean[4]:.2e}", f"{mean[:5].sum() / mean.sum():.1%}"] in [line.split() for line in out.splitlines()]


def test_lookback_shows_the_text_before(unrolled, trained: Path, few: Path) -> None:
    model, text = package.load(trained), few.read_text()
    at = text.index("\n", 200) + 9
    out = unrolled("inspect", "lookback", trained, "--data", few, "--at", at, "--reach", "12").out
    expected = lookback(model, text, [at - 1], reach=12)
    upper, lower = [], []
    for line, marks in zip(out.splitlines()[0:4:2], out.splitlines()[1:4:2], strict=True):
        upper.append(line)
        lower.append(marks.ljust(len(line)))
    assert "".join(upper).replace("↵", "\n") == text[at - 12 : at]
    norms = expected.norms[0][::-1]
    shown = "".join("·" if share < 0.1 else str(min(9, int(10 * share))) for share in norms / norms.max())
    assert "".join(lower) == shown
    assert "9" in shown
    assert f"actual      “{text[at]}”  p {np.exp(expected.log_p[0]):.3f}" in out
    (likely,) = expected_after(model, as_split(model, text), [at - 1])
    assert likely[0][1] == pytest.approx(model.step(text[:at])[0].exp().max().item(), abs=1e-5)
    assert f"“{likely[0][0]}” {likely[0][1]:.3f}" in out


def test_lookback_in_colour(unrolled, trained: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    out = unrolled("inspect", "lookback", trained, "--data", few, "--at", "300", "--reach", "12").out
    assert "48;2;255;170;60" in out  # the largest gradient
    bare = re.sub(r"\x1b\[[\d;]*m", "", out)
    assert few.read_text()[288:300].split("\n")[-1] in bare


def a_stretch(model: object, text: str, **options: object) -> tuple[int, int]:
    """One whose units are on in several other places too."""
    for begin in range(200):
        for end in (begin + 1, begin + 2):
            if text.index(text[begin:end]) == begin:
                try:
                    chosen = select(model, text, begin, end, **options)
                except ArgumentError:
                    continue
                if len(similar(model, text, chosen)) > 5:
                    return begin, end
    raise AssertionError("there is none")


def test_similar(told, unrolled, trained: Path, few: Path) -> None:
    model, text = package.load(trained), few.read_text()
    begin, end = a_stretch(model, text, threshold=0.05, leaf="c")
    words = ["--threshold", "0.05", "--most", "5", "--leaf", "c"]
    found = told("similar", "--text", text[begin:end], *words)
    chosen = select(model, text, begin, end, threshold=0.05, leaf="c")
    expected = similar(model, text, chosen, most=5, around=24)
    assert found["units"] == plain(chosen.units)
    assert found["matches"] == plain([one.as_json() for one in expected])
    assert len(expected) == 5
    assert found == told("similar", "--begin", begin, "--end", end, *words)
    out = unrolled("inspect", "similar", trained, "--data", few, "--text", text[begin:end], *words).out
    assert out.splitlines()[0].split()[:2] == [f"{expected[0].score:.2f}", f"{expected[0].start:,}"]
    assert f"[{expected[0].text}]".replace("\n", "↵") in out
    elsewhere = told("similar", "--text", text[begin:end], *words, "--corpus", f"text:{text[:60]}")
    assert elsewhere["corpus"] == f"text:{text[:60]}"
    assert elsewhere["matches"]
    assert all(one["start"] < 60 for one in elsewhere["matches"])


def test_compare_with_a_checkpoint(told, unrolled, trained: Path, few: Path) -> None:
    first, text = trained / "checkpoints" / "step-0", few.read_text()
    found = told("compare", first, "--most", "3", "--lanes", "1")
    a, b = package.load(trained), package.load(first)
    expected = compare(a, b, text, most=3)
    assert {name: found[name] for name in ("mean", "gained", "lost")} == plain(
        {name: expected.as_json()[name] for name in ("mean", "gained", "lost")}
    )
    assert found["mean"] < -0.05  # the run has learned something since
    assert sum(one["count"] for one in found["classes"]) == 1499
    loss = sum(one["loss_a"] for one in found["classes"]) / 1499
    assert loss == pytest.approx(a.evaluate(as_split(a, text))["loss"], abs=1e-5)
    (layer,) = found["layers"]
    assert layer == plain({"layer": 1, "other": 1, **match_units(a, b, text).as_json()})
    out = unrolled("inspect", "compare", trained, first, "--data", few, "--lanes", "1").out
    rows = [line.split() for line in out.splitlines()]
    both = [loss, loss - found["mean"]]
    assert ["all", "1,499", *(f"{one:.4f}" for one in both), f"{-found['mean']:.4f}", "RUN"] in rows
    assert "of 16 units" in out


def test_compare_with_itself_and_with_counts(unrolled, trained: Path, few: Path) -> None:
    out = unrolled("inspect", "compare", trained, trained, "--data", few).out
    assert "of 16 units, 16 have a match with |r| ≥ 0.9, 16" in out
    assert "largest advantage" not in out
    assert (
        unrolled("train", "lm", "--kind", "ngram", "--data", trained.parents[1] / "few.txt", "--run", "n").status == 0
    )
    assert unrolled("train", "lm", "--kind", "ngram", "--data", few, "--run", "m").status == 0
    said = unrolled("inspect", "compare", "n", "m", "--data", few)
    assert said.status == 0, said.err
    assert "have a match" not in said.out


def test_the_runs_own_test_text_is_the_default(unrolled, trained: Path) -> None:
    model = package.load(trained)
    test = model.config.data.read().test
    told = json.loads(unrolled("inspect", "saturation", trained, "--json").out)
    assert told["symbols"] == len(test)
    name, part = text_of(model, str(trained), None, 40)
    assert part.tokens.tolist() == test.tokens[:40].tolist()
    assert part.characters == 40
    assert name.endswith("cats.txt, test")


def test_words_are_limited_by_characters(unrolled, text_file: Path) -> None:
    words = ["--vocabulary", "word", "--steps", "1", "--hidden-size", "4", "--num-layers", "1", "--batch-size", "2"]
    assert unrolled("train", "lm", "--data", text_file, "--run", "w", "--bptt", "8", *words).status == 0
    model = package.load("w")
    for data in (None, str(text_file)):
        _, split = text_of(model, "w", data, 100)
        text = model.vocabulary.decode(split.tokens)
        assert 80 < len(text) <= 100
        shown, ends = view.places(model.vocabulary, split)
        assert shown == text
        assert ends[-1] == len(text) - 1
    said = unrolled("inspect", "ablate", "w", *UNIT, "--data", text_file, "--limit", "3000", "--hypothesis", "a=cat")
    assert said.status == 0, said.err
    said = unrolled(
        "inspect", "similar", "w", "--text", "cat sat", "--data", text_file, "--threshold", "0", "--no-context"
    )
    assert said.status == 0, said.err
    assert "“cat sat”" in said.out.replace("“ cat", "“cat")


def test_every_byte_of_a_character_is_at_its_place() -> None:
    text = "aé😀b"
    split = Split(ByteVocabulary().encode(text), np.zeros(1, dtype=np.int64), 4, 0)
    shown, ends = view.places(ByteVocabulary(), split)
    assert shown == text
    assert ends.tolist() == [0, 1, 1, 2, 2, 2, 2, 3]
    cut = Split(split.tokens[2:6], np.zeros(1, dtype=np.int64), 3, 0)  # begins and ends within a character
    shown, ends = view.places(ByteVocabulary(), cut)
    assert shown == ByteVocabulary().decode(cut.tokens)
    assert ends.min() == 0
    assert ends.max() < len(shown)


def test_lanes_are_as_many_as_the_text_is_long_enough_for(trained: Path) -> None:
    split = as_split(package.load(trained), "the cat sat on a mat " * 1000)
    assert side_by_side(split, None) == 10
    assert side_by_side(split, 3) == 3


def test_pictures(unrolled, trained: Path, few: Path) -> None:
    pytest.importorskip("matplotlib")
    for name, words in {
        "saturation": [],
        "ablate": [*UNIT, "--unit", "layer 1 c[0]", "--random", "2"],
        "lookback": ["--count", "9", "--reach", "9"],
    }.items():
        path = f"{name}.svg"
        said = unrolled("inspect", name, trained, "--data", few, *words, "--picture", path)
        assert said.status == 0, said.err
        assert path in said.out
        assert Path(path).stat().st_size > 5000
    drawn = Path("ablate.svg").read_text()  # words stand in it as comments
    for words in (
        "newline",
        "layer 1 h[3] held at 0",
        "mean of 2 random units of layer 1 c",
        "5th to 95th percentile",
    ):
        assert words in drawn, words


@pytest.mark.parametrize("name", ["saturation", "ablate", "lookback"])
def test_pictures_are_refused_before_the_work(
    unrolled, trained: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def too_late(*arguments: object, **options: object) -> None:
        raise AssertionError("a model was opened")

    monkeypatch.setattr(view.api, "load", too_late)
    words = ["inspect", name, trained, *(UNIT if name == "ablate" else []), "--picture"]
    assert "--picture must be a file with the suffix .png, .svg or .pdf" in unrolled(*words, "a.gif").err
    assert "--picture must be in an existing folder" in unrolled(*words, "no/where.png").err
    Path("folder.png").mkdir()
    assert "cannot write folder.png" in unrolled(*words, "folder.png").err
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    said = unrolled(*words, "a.png")
    assert said.status == 2
    assert "--picture must be omitted without matplotlib, got 'a.png'; pip install 'unrolled[plot]'" in said.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ablate"], "--unit must be given, such as 'layer 1 h[58]'"),
        (["ablate", "--unit", "h3"], "--unit must be a unit name such as"),
        (["ablate", "--unit", "layer 2 h[3]"], "--unit must be a unit of layer 1; the model has no other"),
        (["ablate", "--unit", "layer 1 o[3]"], "gates are computed from the state"),
        (["ablate", *UNIT, "--value", "much"], "--value must be a number, or mean, got 'much'"),
        (["ablate", *UNIT, "--value", "inf"], "--value must be a number, or mean, got 'inf'"),
        (
            ["ablate", *UNIT, "--value", "1e40"],
            "--value must be a number of at most 1e+06 either way, or mean, got '1e40'",
        ),
        (["ablate", *UNIT, "--random", "-1"], "--random must be"),
        (["ablate", *UNIT, "--hypothesis", "indentation"], "constant over this text"),
        (["ablate", *UNIT, "--hypothesis", "position in the word"], "--hypothesis must be a binary one"),
        (["ablate", *UNIT, "--hypothesis", "a=dog"], "got 'a=dog'; it is never true in this text"),
        (["ablate", *UNIT, "--lanes", "0"], "--lanes must be"),
        (["saturation", "--low", "0.9", "--high", "0.1"], "--low must be less than high"),
        (["saturation", "--limit", "1"], "--limit must be an integer of at least 2"),
        (["lookback", "--at", "0"], "--at must be from 1 to 1499"),
        (["lookback", "--at", "1500"], "got 1500; raise --limit to read more"),
        (["lookback", "--reach", "0"], "--reach must be"),
        (["similar"], "--text must be a passage of the text"),
        (["similar", "--text", "cat", "--begin", "3"], "--text must be omitted with --begin"),
        (["similar", "--text", "dog"], "--text must be in the first 1,500 characters"),
        (["similar", "--begin", "3", "--end", "1501"], "--begin must be a passage within 0 and 1500"),
        (["similar", "--text", "cat", "--threshold", "5"], "--threshold must be exceeded by at least one unit"),
        (["similar", "--text", "cat", "--share", "2"], "--share must be above 0"),
        (["similar", "--text", "cat", "--layer", "2"], "--layer must be from 1 to 1"),
        (["compare"], "unrolled inspect compare needs OTHER"),
        (["compare", "nowhere"], "nowhere is not a file"),
        (["saturation", "--data", "text:0123456789"], "characters that are not in the char vocabulary"),
        (["saturation", "--data", "text:a"], "the text is too short"),
        (["saturation", "--data", "empty.txt"], "empty"),
        (["saturation", "--unit", "3"], "has no option --unit"),
    ],
)
def test_bad_input_is_one_line(unrolled, trained: Path, few: Path, words: list[str], expected: str) -> None:
    (few.parent / "empty.txt").write_text("")
    name, *rest = words
    data = [] if "--data" in rest else ["--data", few]
    said = unrolled("inspect", name, trained, *rest, *data)
    assert said.status == 2
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_models_that_do_not_go_together(unrolled, trained: Path, few: Path) -> None:
    small = ["--hidden-size", "4", "--num-layers", "1", "--steps", "1", "--batch-size", "2", "--bptt", "8"]
    (few.parent / "other.txt").write_text(few.read_text().replace("cat", "dog"))
    assert unrolled("train", "lm", "--data", "other.txt", "--run", "other", *small).status == 0
    said = unrolled("inspect", "compare", trained, "other", "--data", few)
    assert said.status == 2
    assert "--other" not in said.err
    assert f"OTHER must be a model with the vocabulary of {trained}, got 'other'" in said.err
    assert "train both on the same data" in said.err
    assert unrolled("train", "lm", "--data", few, "--cell", "gru", "--run", "gru", *small).status == 0
    said = unrolled("inspect", "compare", "gru", "gru", "--data", few, "--leaf", "c")
    assert "--leaf must be h: gru has no cell state c, which only an LSTM has" in said.err
    assert unrolled("train", "lm", "--kind", "ngram", "--data", few, "--run", "counts").status == 0
    said = unrolled("inspect", "saturation", "counts", "--data", few)
    assert "counts: a NGram has no recurrent layers, so there are no units" in said.err
    (few.parent / "labels.csv").write_text("text,label\n" + "a cat,x\nthe rat,y\n" * 30)
    made = unrolled("train", "classify", "--data", "labels.csv", "--run", "c", "--steps", "1", "--hidden-size", "4")
    assert made.status == 0, made.err
    assert "c is not a language model" in unrolled("inspect", "lookback", "c", "--data", few).err


def test_a_damaged_checkpoint(unrolled, trained: Path, few: Path) -> None:
    first = trained / "checkpoints" / "step-0"
    file = first / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    said = unrolled("inspect", "compare", trained, first, "--data", few)
    assert said.status == 2
    assert f"the checkpoint {first} is damaged" in said.err

"""unrolled evaluate: which text, which figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import unrolled as package
from unrolled.data.storage import join


def figures(said) -> dict:
    assert said.status == 0, said.err
    return json.loads(said.out)


def test_own_test_split_by_default(unrolled, trained: Path) -> None:
    scores = figures(unrolled("evaluate", trained, "--json"))
    model = package.load(trained)
    assert scores["loss"] == pytest.approx(model.evaluate(model.config.data.read().test)["loss"], rel=1e-9)
    assert scores["symbols"] == len(model.config.data.read().test)


def test_table(unrolled, trained: Path) -> None:
    out = unrolled("evaluate", trained, "--split", "valid").out
    for expected in ("nats per token", "bits per character", "perplexity", "valid", "tokens/s"):
        assert expected in out


def test_heldout_is_validation_then_test(unrolled, trained: Path) -> None:
    scores = figures(unrolled("evaluate", trained, "--split", "heldout", "--json"))
    model = package.load(trained)
    data = model.config.data.read()
    both = join(data.valid, data.test)
    assert both.tokens.tolist() == [*data.valid.tokens, *data.test.tokens]
    assert scores["loss"] == pytest.approx(model.evaluate(both)["loss"], rel=1e-9)


def test_windows_do_not_matter_fresh_ones_do(unrolled, trained: Path) -> None:
    def loss(*words: str) -> float:
        return figures(unrolled("evaluate", trained, "--json", *words))["loss"]

    assert loss("--window", "7") == pytest.approx(loss(), abs=1e-6)
    assert loss("--fresh", "5") > loss()


def test_another_text(unrolled, trained: Path) -> None:
    scores = figures(unrolled("evaluate", trained, "--data", "text:the cat sat on a mat", "--json"))
    assert scores["symbols"] == 20


def test_progress_reaches_the_end(trained: Path) -> None:
    model = package.load(trained)
    split, told = model.config.data.read().test, list[int]()
    model.evaluate(split, window=50, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == len(split) - 1


def test_data_that_changed_is_refused(unrolled, trained: Path, text_file: Path, home: Path) -> None:
    own = home / "own.txt"
    own.write_text(text_file.read_text())
    words = ["--hidden-size", "4", "--num-layers", "1", "--steps", "1", "--batch-size", "2"]
    assert unrolled("train", "lm", "--data", own, "--run", "r", *words).status == 0
    own.write_text("É" + text_file.read_text())
    said = unrolled("evaluate", "r")
    assert said.status == 2
    assert "has changed since the model was trained" in said.err
    own.write_text(text_file.read_text()[::-1])  # the same symbols in the same numbers
    assert "has changed since the model was trained" in unrolled("evaluate", "r").err
    own.unlink()
    said = unrolled("evaluate", "r")
    assert said.status == 2
    assert "cannot be read" in said.err
    assert "--data" in said.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "text:zzz€"], "'€' (U+20AC)"),
        (["--data", "text:t"], "the text is too short"),
        (["--split", "tst"], "--split must be one of valid, test, train, heldout, got 'tst'; did you mean 'test'?"),
        (["--data", "text:the", "--split", "test"], "--split must be omitted with --data"),
        (["--window", "0"], "--window must be"),
        (["--data", "nowhere.txt"], "file, folder or named corpus 'nowhere.txt' does not exist"),
    ],
)
def test_wrong_options(unrolled, trained: Path, words: list[str], expected: str) -> None:
    said = unrolled("evaluate", trained, *words)
    assert said.status == 2
    assert expected in said.err
    assert said.err.count("\n") == 1


def counted(unrolled, text_file: Path, *words: str) -> Path:
    run = Path("runs") / "-".join(["counted", *(word.strip("-") for word in words)])
    assert unrolled("train", "lm", "--data", text_file, "--kind", "ngram", "--run", run, *words).status == 0
    return run


def test_several_runs_side_by_side(unrolled, trained: Path, text_file: Path) -> None:
    runs = [trained, counted(unrolled, text_file, "--order", "4"), counted(unrolled, text_file, "--vocabulary", "byte")]
    told = [json.loads(line) for line in unrolled("evaluate", *runs, "--json").out.splitlines()]
    assert [one["run"] for one in told] == [str(run) for run in runs]
    assert [one["model"] for one in told] == ["lstm 1×16", "4-gram", "5-gram"]
    for run, one in zip(runs, told, strict=True):
        model = package.load(run)
        assert one["bits_per_char"] == pytest.approx(
            model.evaluate(model.config.data.read().test)["bits_per_char"], rel=1e-9
        )
        assert one["parameters"] == model.size
    out = unrolled("evaluate", *runs).out
    table = [line.split() for line in out.splitlines()]
    assert "bits per character" in out
    for row, one in zip(table[1:4], told, strict=True):
        assert row[0] == one["run"]
        assert row[-3:] == [f"{one[name]:.4f}" for name in ("loss", "bits_per_char", "perplexity")]
        assert row[-4] == f"{one['parameters']:,}"


def test_what_cannot_be_compared_is_marked(unrolled, trained: Path, text_file: Path) -> None:
    rare = counted(unrolled, text_file, "--vocabulary", "word", "--min-count", "2")
    out = unrolled("evaluate", trained, rare, "--data", "text:the cat sat on a hat").out
    assert "not comparable: 1 tokens of the text are unknown to the model" in out
    out = unrolled("evaluate", trained, rare, "--data", "text:the cat sat on a zebra").out
    assert "not comparable: the text has characters that are not in the char vocabulary: 'z'" in out
    said = unrolled("evaluate", trained, trained, "--data", "text:zebra")
    assert (said.status, said.out) == (2, "")
    other = counted(unrolled, text_file, "--fractions", "0.8,0.1,0.1")
    said = unrolled("evaluate", trained, other)
    assert said.status == 2
    assert (
        "were not trained on the same text, cut into the same parts; name the data to compare them on with --data"
        in said.err
    )
    assert unrolled("evaluate", trained, other, "--data", text_file).status == 0


def test_a_run_is_needed(unrolled) -> None:
    said = unrolled("evaluate")
    assert (said.status, said.err) == (2, "error: unrolled evaluate needs RUN; see unrolled evaluate --help\n")

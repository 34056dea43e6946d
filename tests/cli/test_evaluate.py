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
    for expected in ("nats per symbol", "bits per character", "perplexity", "valid", "symbols/s"):
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
    assert "has changed since r was trained" in said.err
    own.write_text(text_file.read_text()[::-1])  # the same symbols in the same numbers
    assert "has changed since r was trained" in unrolled("evaluate", "r").err
    own.unlink()
    said = unrolled("evaluate", "r")
    assert said.status == 2
    assert "cannot be read" in said.err
    assert "--data" in said.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "text:zzz€"], "'€' (U+20AC)"),
        (["--data", "text:t"], "too little text"),
        (["--split", "tst"], "--split must be one of valid, test, train, heldout, got 'tst'; did you mean 'test'?"),
        (["--data", "text:the", "--split", "test"], "--split must be left out with --data"),
        (["--window", "0"], "--window must be"),
        (["--data", "nowhere.txt"], "there is no file, folder or named corpus 'nowhere.txt'"),
    ],
)
def test_wrong_options(unrolled, trained: Path, words: list[str], expected: str) -> None:
    said = unrolled("evaluate", trained, *words)
    assert said.status == 2
    assert expected in said.err
    assert said.err.count("\n") == 1

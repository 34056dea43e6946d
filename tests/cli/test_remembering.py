"""The task memory from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import unrolled

    path = tmp_path_factory.mktemp("memory") / "sums"
    unrolled.train("memory", run=path, data="adding", length=8, hidden_size=8, steps=5)
    return path


def test_the_word_after_the_task_is_the_problem(unrolled, tmp_path: Path) -> None:
    said = unrolled("train", "memory", "copy", "--length", "2", "--steps", "3", "--hidden-size", "4",
                    "--run", tmp_path / "run", "--json")  # fmt: skip
    assert said.status == 0, said.err
    told = [json.loads(line) for line in said.out.splitlines()]
    assert (told[0]["config"]["data"], told[0]["config"]["length"]) == ("copy", 2)
    assert {"loss", "bits_per_symbol", "right"} <= set(told[-1]["test"])
    said = unrolled("train", "memory", "coppy")
    assert said.status == 2
    assert "did you mean copy" in said.err or "'copy'" in said.err
    assert len(said.err.splitlines()) == 1


def test_a_loss_that_is_no_nats_is_not_called_so(unrolled, tmp_path: Path) -> None:
    words = ("--length", "4", "--steps", "2", "--hidden-size", "4", "--run", tmp_path / "run")
    out = unrolled("train", "memory", "adding", *words).out
    assert "squared error" in out
    assert " nats" not in out


def test_a_run_is_measured_at_other_lengths(unrolled, run: Path) -> None:
    said = unrolled("evaluate", run)
    assert said.status == 0, said.err
    assert "10,000 sequences of length 8" in said.out
    assert "mean squared error" in said.out
    told = json.loads(unrolled("evaluate", run, "--length", "12", "--split", "valid", "--json").out)
    assert (told["length"], told["split"], told["problem"]) == (12, "valid", "adding")
    assert told["mse"] > 0


@pytest.mark.parametrize("words", [
    ("evaluate", "--data", "x"), ("evaluate", "--split", "train"), ("evaluate", "--length", "1"),
    ("evaluate", "--baselines"), ("predict", "1 2"), ("sample",),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(unrolled, run: Path, words: tuple[str, ...]) -> None:
    said = unrolled(words[0], run, *words[1:])
    assert said.status == 2
    assert len(said.err.splitlines()) == 1, said.err
    assert said.err.startswith("error: ")


def test_other_models_have_no_length(unrolled, trained: Path) -> None:
    assert "--length" in unrolled("evaluate", trained, "--length", "5").err


def test_the_digits_are_listed_and_told_of(unrolled, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from unrolled.data import memory_problems
    from unrolled.data.digits import Digits

    rows = {row["name"]: row for row in map(json.loads, unrolled("data", "--json").out.splitlines())}
    assert rows["mnist"]["task"] == "memory"
    seven = Digits(np.zeros((7, 28, 28), np.uint8), np.zeros(7, np.int64))
    monkeypatch.setattr(memory_problems, "mnist", lambda part: seven)
    out = unrolled("data", "mnist", "--task", "memory").out
    assert "7 pictures" in out
    assert "unrolled train memory mnist-rows" in out
    assert json.loads(unrolled("data", "mnist", "--task", "memory", "--json").out)["test"] == 7


def test_a_training_that_was_good_enough_goes_on_if_asked_to(unrolled, tmp_path: Path) -> None:
    goal = ("--until", "1e9", "--eval-every", "2", "--hidden-size", "4", "--length", "4")
    said = unrolled("train", "memory", "adding", "--steps", "9", *goal, "--run", tmp_path / "run")
    assert "steps: 2 " in said.out
    assert "reached a validation loss of 1e+09" in said.out
    assert "steps: 2 " in unrolled("resume", tmp_path / "run").out
    assert "steps: 6 " in unrolled("resume", tmp_path / "run", "--steps", "6").out
    said = unrolled("resume", tmp_path / "run", "--steps", "9", "--until", "1e8")
    assert "steps: 6 " in said.out
    assert "reached a validation loss of 1e+08" in said.out


def test_a_run_that_is_to_train_longer_has_no_patience_unless_given(unrolled, tmp_path: Path) -> None:
    options = ("--patience", "5", "--hidden-size", "4", "--length", "4", "--run", tmp_path / "run")
    unrolled("train", "memory", "adding", "--steps", "1", *options)
    for more, patience in ((("--steps", "2"), 0), (("--steps", "3", "--patience", "2"), 2)):
        unrolled("resume", tmp_path / "run", *more)
        assert f"\npatience = {patience}\n" in (tmp_path / "run" / "config.toml").read_text()


def test_lab_truncation_refuses_streams_without_marks(unrolled) -> None:
    said = unrolled("lab", "truncation", "--length", "120", "--batch-size", "8", "--distance", "49")
    assert said.status == 2
    assert said.err == "error: --distance must be at most 48, so that streams have marks, got 49\n"

"""The table of cells and lengths: trials stop when they are solved, rows after a failure."""

import math

import pytest

from unrolled.lab.memory import CELLS, CRITERIA, Trial, run_trial, run_trials
from unrolled.lab.memory_picture import draw
from unrolled.tasks.memory.config import MemoryConfig
from unrolled.training.config import update

SMALL = {"hidden_size": 16, "batch_size": 16, "lr": 1e-2, "warmup": 5, "schedule": "constant", "average": "none"}


def config(**options):
    return update(MemoryConfig(), **{**SMALL, **options})


def test_a_short_sum_is_solved_and_training_stops_there():
    calls = []
    trial = run_trial("gru", 3, config(data="adding"), 1000, lambda *what: calls.append(what))
    assert trial.solved
    assert trial.error < 0.01
    assert trial.steps < 1000
    assert calls == [("gru", 3, step, value) for step, value in trial.curve]
    assert [step for step, _ in trial.curve] == list(range(50, trial.steps + 1, 50))


def test_a_row_ends_with_its_first_failure():
    trials = list(run_trials(["rnn", "lstm"], [8, 9], config(data="adding"), 3))
    assert [(trial.cell, trial.length, trial.solved) for trial in trials] == [("rnn", 8, False), ("lstm", 8, False)]
    assert all(trial.steps == 3 for trial in trials)


@pytest.mark.parametrize("problem", CRITERIA)
def test_untrained_networks_are_near_chance(problem):
    own = {"symbols": 1} if problem == "recall" else {}
    trial = run_trial("gru", 2, update(config(data=problem, lr=1e-6), **own), 1, lambda *_: None)
    criterion = CRITERIA[problem]
    assert criterion.chance * 0.8 < trial.error
    assert trial.error < (10 * criterion.chance if problem == "adding" else 1.2 * criterion.chance)
    assert criterion.solved < criterion.chance


def test_irnn_is_the_network_of_le_et_al():
    assert CELLS["irnn"] == {"cell": "rnn", "init": "identity", "nonlinearity": "relu"}


def test_the_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    trials = [Trial("rnn", 5, False, 1.0, [(1, 0.2), (2, 0.15)]), Trial("gru", 5, True, 1.0, [(1, 0.001)])]
    draw(trials, ["rnn", "gru"], [5, 10], CRITERIA["adding"], tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert text.count("<path") > 10
    assert math.isclose(trials[0].error, 0.15)

"""The rule for the options of language models: its values, which options win, and what a run's config has."""

import math
import tomllib

import pytest
import torch

import unrolled
from unrolled.tasks.lm.config import LanguageModelConfig
from unrolled.tasks.lm.defaults import CELL, parameters, usual, with_sizes
from unrolled.tasks.lm.model import new_model
from unrolled.training.config import update


def config(**options):
    return with_sizes(update(LanguageModelConfig(), **options), tokens=10**7, characters=10**7, symbols=60)


def lr(steps=1000, **options):
    return usual(config(**options), steps, 100.0)["lr"]


def test_the_rate_follows_the_formula():
    assert lr(hidden_size=128, num_layers=1) == 0.065
    assert lr(hidden_size=256, num_layers=2) == pytest.approx(0.065 * 0.5**0.6 * 2**-0.55, rel=0.05)
    assert lr(hidden_size=128, num_layers=1, steps=8000) == pytest.approx(0.065 / 2, rel=0.05)
    assert lr(hidden_size=128, num_layers=1, steps=10) == 0.065  # not higher for short trainings
    assert lr(hidden_size=128, num_layers=1, batch_size=128) == pytest.approx(0.065 * 4**0.2, rel=0.05)
    assert lr(hidden_size=128, num_layers=1, cell="gru") == pytest.approx(0.065 * CELL["gru"], rel=0.05)


@pytest.mark.parametrize("options", [{"kind": "feedforward"}, {"kind": "transformer"}, {"cell": "here:Cell"}])
def test_what_the_rule_was_not_made_for_has_a_constant_rate(options):
    if "cell" in options:
        chosen = update(LanguageModelConfig(), dropout=0.1, batch_size=32, bptt=64, **options)
        assert usual(chosen, 1000, 100.0)["lr"] == 0.003
    else:
        assert lr(**options) == 0.003


@pytest.mark.parametrize(("steps", "memory"), [(20, 500), (1000, 1000), (3000, 3000), (20_000, 3000)])
def test_the_decay_forgets_over_the_training_or_fifteen_epochs(steps, memory):
    for options in ({}, {"lr": 0.5}):
        found = usual(config(**options), steps, steps_per_epoch=200.0)
        assert found["lr"] * found["weight_decay"] * memory == pytest.approx(1, rel=0.05)
    assert usual(config(optimizer="adam"), steps, 200.0)["weight_decay"] == 0.0


@pytest.mark.parametrize(("steps", "decay"), [(100, 0.9), (1000, 0.98), (10_000, 0.998), (10**6, 0.998)])
def test_the_average_reaches_over_a_twentieth(steps, decay):
    assert usual(config(), steps, 100.0)["ema_decay"] == decay


@pytest.mark.parametrize(
    ("tokens", "lanes", "bptt"),
    [(10**6, 32, 64), (32_769, 32, 64), (10_000, 9, 64), (1000, 1, 64), (100, 1, 24), (2, 1, 1)],
)
def test_a_short_text_gets_fewer_lanes_and_shorter_windows(tokens, lanes, bptt):
    chosen = with_sizes(LanguageModelConfig(), tokens, tokens, 60)
    assert (chosen.training.batch_size, chosen.windows.bptt) == (lanes, bptt)
    assert lanes * bptt < tokens


def test_dropout_grows_with_the_parameters_per_character():
    size = parameters(LanguageModelConfig(), 60)
    assert size == sum(p.numel() for p in new_model(60, config()).parameters())
    for ratio, dropout in ((0.05, 0.0), (0.1, 0.0), (1.0, 0.3), (2.0, 0.3 * math.log10(20)), (100.0, 0.5)):
        chosen = with_sizes(LanguageModelConfig(), 10**6, round(size / ratio), 60)
        assert chosen.model.dropout == pytest.approx(dropout, abs=0.006)


def test_given_options_win_and_the_config_has_all_numbers(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("so much depends upon a red wheel barrow " * 40)
    small = {"hidden_size": 8, "num_layers": 1, "steps": 3, "preview_length": 0}
    unrolled.train("lm", data=path, run=tmp_path / "run", dropout=0.25, ema_decay=0.5, **small)
    written = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    training = written["training"]
    assert (written["model"]["dropout"], training["ema_decay"]) == (0.25, 0.5)
    assert training["lr"] == pytest.approx(0.065 * 16**0.6 * (training["batch_size"] / 32) ** 0.2, rel=0.05)
    assert training["weight_decay"] > 0
    assert written["windows"]["bptt"] == 64


def test_one_hot_tokens_are_read_at_full_size():
    torch.manual_seed(0)
    first = new_model(60, config(hidden_size=256)).get_parameter("stack.layers.0.0.weight_ih")
    assert first.abs().max().item() == pytest.approx(1, abs=0.01)
    assert first.std().item() == pytest.approx(3**-0.5, rel=0.02)
    for other in ({"nonlinearity": "relu", "cell": "rnn"}, {"embedding_size": 16}, {"init": "xavier"}):
        weight = new_model(60, config(hidden_size=256, **other)).get_parameter("stack.layers.0.0.weight_ih")
        assert weight.std().item() < 0.1

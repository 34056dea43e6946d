"""The range test on a task whose best learning rate is known, and what a training with it leaves behind."""

import tomllib

import pytest
import torch
from test_loop import Toy, config

import unrolled
from unrolled.errors import ArgumentError
from unrolled.training.range_picture import range_svg
from unrolled.training.range_test import HIGH, LOW, RangeTest, _fallen, range_test


def test_the_rate_at_nine_tenths_of_the_fall():
    points = [(0.001, 4.0), (0.01, 3.0), (0.1, 2.3), (0.2, 2.05), (0.3, 2.0), (1.0, 5.0)]
    assert _fallen(points) == 0.2
    assert _fallen([]) == LOW


def test_rates_rise_geometrically_until_the_loss_rises():
    test = range_test(Toy(config(lr="auto")), torch.device("cpu"), budget=5.0)
    assert test is not None
    rates = [rate for rate, _ in test.points]
    assert rates[0] == pytest.approx(LOW)
    assert rates[2] / rates[1] == pytest.approx(rates[1] / rates[0])
    assert LOW <= test.chosen <= HIGH
    assert range_test(Toy(config(lr="auto")), torch.device("cpu"), budget=0.0) is None


def test_a_training_with_it_writes_the_rate_and_its_picture(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("so much depends upon a red wheel barrow " * 40)
    small = {"hidden_size": 8, "num_layers": 1, "steps": 3, "preview_length": 0}
    notes = unrolled.train("lm", data=path, run=tmp_path / "run", lr="auto", **small)
    assert notes is not None
    written = tomllib.loads((tmp_path / "run" / "config.toml").read_text())["training"]["lr"]
    assert isinstance(written, float)
    assert f"chosen: {written:.2g}" in (tmp_path / "run" / "lr.svg").read_text()
    with pytest.raises(ArgumentError, match="lr must be"):
        unrolled.resume(tmp_path / "run", steps=6, lr="auto")


def test_the_picture_has_an_axis_of_powers_of_ten_and_escapes_its_title():
    svg = range_svg(RangeTest([(0.001, 4.0), (0.01, 3.0), (0.1, 5.0)], 0.0075), "lm: a<b", "nats")
    assert "a&lt;b" in svg
    assert all(f">{power}</text>" in svg for power in ("0.001", "0.01", "0.1"))
    assert "chosen: 0.0075" in svg

"""The options of training: durations, and errors that say what to do."""

import math

import pytest

from unrolled.errors import ArgumentError
from unrolled.training.options import Training, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("15m", 900), ("1.5h", 5400), ("1h30m", 5400), ("2d", 172800), (" 10s ", 10), ("1m30s", 90)],
)
def test_durations(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "15", "m", "0s", "1e3s", "-5s", "5 minutes", "5m later", "1h 30m", "9" * 400 + "s"]
)
def test_what_is_no_duration(text):
    with pytest.raises(ArgumentError, match="time must be a duration such as 90s, 15m or 2h, got"):
        seconds(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"batch_size": 1.5}, "batch_size must be an integer of at least 1, got 1.5"),
        ({"steps": 0}, "steps must be an integer of at least 1, got 0"),
        ({"eval_every": -1}, "eval_every must be an integer of at least 1, got -1"),
        ({"warmup": -1}, "warmup must be an integer of at least 0, got -1"),
        ({"seed": 1 << 63}, f"seed must be an integer below 2^63, got {1 << 63}"),
        ({"lr": 0.0}, "lr must be a number above 0, got 0.0"),
        ({"lr": math.nan}, "lr must be a number above 0, got nan"),
        ({"lr": math.inf}, "lr must be a number above 0, got inf"),
        ({"epochs": -2.0}, "epochs must be a number above 0, got -2.0"),
        ({"clip": -1.0}, "clip must be a number of at least 0, got -1.0"),
        ({"weight_decay": math.nan}, "weight_decay must be a number of at least 0, got nan"),
        ({"beta2": 1.0}, "beta2 must be a rate of at least 0 and below 1, got 1.0"),
        ({"ema_decay": -0.1}, "ema_decay must be a rate of at least 0 and below 1, got -0.1"),
        ({"time": "soon"}, "time must be a duration such as 90s, 15m or 2h, got 'soon'"),
        ({"epochs": 2.0, "steps": 5}, "epochs must be omitted when steps is given, got 2.0"),
        ({"epochs": 2.0, "time": "5m"}, "epochs must be omitted when time is given, got 2.0"),
        ({"epochs": 2.0, "time": "5m", "steps": 5}, "epochs must be omitted when steps is given, got 2.0"),
    ],
)
def test_wrong_values_are_named(options, message):
    with pytest.raises(ArgumentError) as caught:
        Training(**options)
    assert str(caught.value) == message


def test_steps_may_stand_beside_the_time_they_were_measured_for():
    assert Training(steps=5, time="5m").steps == 5

"""Everybody takes turns, and the interval is that of the median."""

import statistics

import pytest

from unrolled.lab.bench import Timing, interleave, interval, measure


def test_everybody_takes_turns_and_begins_once(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr(measure.time, "perf_counter", lambda: now[0])

    def work(name, seconds):
        def call():
            calls.append(name)
            now[0] += seconds

        return call

    found = interleave({"a": work("a", 0.01), "b": work("b", 1.0)}, turns=4)
    assert found["a"].turns == pytest.approx([0.01] * 4)
    assert found["b"].turns == pytest.approx([1.0] * 4)
    # a call to warm up, one to see how long it takes; then in each turn of the short one a call that is not counted
    assert calls == ["a"] * 2 + ["b"] * 2 + (["a"] * 4 + ["b"] + ["b"] + ["a"] * 4) * 2


def test_ratios_are_taken_turn_by_turn():
    ours, theirs = Timing((1.0, 2.0, 4.0)), Timing((3.0, 3.0, 8.0))
    assert theirs.ratios(ours) == [3.0, 1.5, 2.0]
    assert theirs.median == 3.0


def test_interval_covers_the_median_of_many_draws():
    values = [float(n) for n in range(101)]
    low, high = interval(values)
    assert low < statistics.median(values) < high
    assert 25 < low < 45  # about 1.96 · 1.25 · σ / √n = 7 … 15 around 50
    assert 55 < high < 75
    assert interval([2.0] * 9) == (2.0, 2.0)

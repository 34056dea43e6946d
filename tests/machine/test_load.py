"""The load of other processes: reading it, and when a training says so."""

import os
import time

import pytest
from machine_parts import write

from unrolled.machine import load
from unrolled.machine.load import Load, Times, begin, between, crowded, times, waiting

STAT = """cpu  0 0 0 0 0 0 0 0 0 0
cpu0 1000 200 300 9999 9999 40 50 60 7 8
cpu1 2000 0 0 0 0 0 0 0 0 0
cpu9 5000 0 0 0 0 0 0 100 0 0
intr 12345 0 0
"""
measured = load.measured  # the fixture of all tests replaces it


@pytest.fixture
def stat(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    monkeypatch.setattr(load, "affinity", lambda: {0, 9})
    return write(tmp_path, {"proc/stat": STAT})


def test_times_of_the_cpus_in_the_affinity_mask(stat):
    found = times(stat)
    assert (found.cpus, found.busy, found.host) == (2, (1000 + 200 + 300 + 40 + 50 + 5000) / 100, 1.6)
    assert found.own == pytest.approx(time.process_time(), abs=1)


@pytest.mark.parametrize(
    "text", ["", "cpu 1 2 3", "cpu0 1 2 3\n", "cpu0 a b c d e f g h", f"cpu0 {'9' * 30} 1 1 1 1 1 1 1", "\xff\0"]
)
def test_damaged_times(stat, text):
    write(stat, {"proc/stat": text})
    assert times(stat) is None


def test_a_system_without_proc(tmp_path):
    assert times(tmp_path) is None
    assert waiting(tmp_path) is None
    assert between(Times(0, 2, 0, 0, 0), None) is None


def test_load_between_two_moments():
    before = Times(10.0, 2, busy=100.0, host=5.0, own=3.0)
    assert between(before, Times(20.0, 2, 115.0, 6.0, 8.0)) == Load(2, 1.0, 0.1)  # 1.5 CPUs busy, 0.5 of them ours
    assert between(before, Times(20.0, 2, 101.0, 5.0, 8.0)) == Load(2, 0.0, 0.0)  # not negative
    assert between(before, Times(20.0, 2, 999.0, 5.0, 3.0)) == Load(2, 2.0, 0.0)  # not above the number of CPUs
    assert between(before, Times(10.1, 2, 100.2, 5.0, 3.0)) is None
    assert between(before, Times(20.0, 4, 115.0, 6.0, 8.0)) is None


def test_a_measurement_is_continued_for_a_minute(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(load.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(load, "times", lambda: Times(now[0], 2, now[0], 0.0, 0.0))
    monkeypatch.setattr(load, "_begun", None)
    assert measured() is None
    for now[0], since in ((100.0, 100.0), (159.0, 100.0), (161.0, 161.0)):
        begin()
        assert load._begun.clock == since
    now[0] = 171.0
    assert measured() == Load(2, 1.0, 0.0)


def test_waiting(tmp_path):
    text = (
        "some avg10=36.67 avg60=30.32 avg300=33.42 total=25746804829\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )
    assert waiting(write(tmp_path, {"proc/pressure/cpu": text})) == pytest.approx(0.3667)
    assert waiting(write(tmp_path, {"proc/pressure/cpu": "some avg10=x"})) is None


@pytest.mark.parametrize(
    ("found", "threads", "fewer"),
    [
        (None, 2, None),
        (Load(2, 0.0, 0.0), 2, None),
        (Load(2, 0.2, 0.0), 2, None),  # a desktop at rest
        (Load(2, 1.0, 0.0), 1, None),
        (Load(2, 2.0, 0.0), 1, None),  # one thread waits for no other
        (Load(2, 0.3, 0.0), 2, 1),
        (Load(2, 2.0, 0.0), 2, 1),
        (Load(2, 0.0, 0.5), 2, 1),
        (Load(64, 32.0, 0.0), 2, None),  # a container on a large machine
        (Load(16, 1.0, 0.0), 16, None),
        (Load(16, 6.2, 0.0), 16, 10),
    ],
)
def test_when_a_machine_is_crowded(found, threads, fewer):
    note = crowded(found, threads)
    assert (note is None) == (fewer is None)
    assert note is None or f"{threads} threads wait for each other: --threads {fewer} may be faster" in note


def test_the_note():
    start = "other processes use 53% of the 2 CPUs"
    end = "so 2 threads wait for each other: --threads 1 may be faster"
    assert crowded(Load(2, 1.06, 0.0), 2) == f"{start}, {end}"
    assert crowded(Load(2, 1.06, 0.2), 2) == f"{start}, the host of this virtual machine takes 10%, {end}"
    assert Load(1, 0.5, 0.0).describe() == "other processes use 50% of the CPU"

"""Threads on the command line: --threads, the notes of a training, doctor's lines, and the entry point."""

import json

import pytest
import torch
from cli_parts import TINY

from unrolled import __main__ as entry
from unrolled import cli
from unrolled.cli import cpu_report
from unrolled.cli.cpu_report import other_load, quota, threads_text
from unrolled.cli.threads import threads
from unrolled.machine import environment, load
from unrolled.machine.cores import Cores
from unrolled.machine.load import Load, Times
from unrolled.training import process
from unrolled.training.process import thread_notes

TWO = Cores(2, 2, 2)


def test_a_note_where_threads_slow_each_other_down(monkeypatch):
    def notes(count, beside, device="cpu"):
        monkeypatch.setattr(load, "measured", lambda: beside)
        with threads(count):
            return thread_notes(torch.device(device))

    monkeypatch.setattr(process, "cores", lambda: TWO)
    crowded = "other processes use 50% of the 2 CPUs, so 2 threads wait for each other: --threads 1 may be faster"
    assert notes(2, Load(2, 1.0, 0.0)) == [crowded]
    assert notes(2, Load(2, 0.1, 0.0)) == notes(2, None) == notes(1, Load(2, 2.0, 0.0)) == []
    assert notes(2, Load(2, 1.0, 0.0), "cuda") == []
    assert notes(3, Load(2, 2.0, 0.0)) == [
        "3 threads on 2 CPUs wait for each other: at most 2 can run at the same time"
    ]


def test_a_training_counts_its_threads_and_begins_with_the_note(unrolled, text_file, home, monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(load, "crowded", lambda measured, count: f"{count} threads, {measured}")
    said = unrolled("train", "lm", "--data", text_file, "--steps", "1", "--threads", "1", "--json", *TINY)
    assert json.loads(said.out.splitlines()[0])["notes"][-1] == "1 threads, None"
    assert torch.get_num_threads() == before
    assert "threads" not in next((home / "runs").glob("*/config.toml")).read_text()


@pytest.mark.parametrize(
    ("command", "threads", "message"),
    [
        (("train", "lm"), "0", "--threads must be an integer of at least 1, got 0"),
        (("resume", "a/run"), "-2", "--threads must be an integer of at least 1, got -2"),
        (("bench",), "1025", "--threads must be at most 1,024, got 1025; more than one thread per core gains nothing"),
    ],
)
def test_bad_input(unrolled, command, threads, message):
    said = unrolled(*command, f"--threads={threads}")
    assert said.status == 2
    assert message in said.err


def test_what_doctor_says_about_the_quota():
    assert quota(TWO) == "none"
    assert quota(Cores(8, 8, 8, 0.5)) == "0.5 CPUs, so 1 thread by default"
    assert quota(Cores(8, 8, 8, 1.5)) == "1.5 CPUs, so 2 threads by default"
    assert quota(Cores(8, 2, 2, 4.0)) == "4 CPUs, not less than the cores usable"


@pytest.mark.parametrize(
    ("variables", "ours", "found", "text"),
    [
        ({"GOMP_SPINCOUNT": "3000"}, ("GOMP_SPINCOUNT",), TWO, ", torch's default (OMP_NUM_THREADS unset)"),
        ({"OMP_NUM_THREADS": "2"}, (), TWO, " (OMP_NUM_THREADS=2)"),
        ({"MKL_NUM_THREADS": "2"}, (), TWO, " (MKL_NUM_THREADS=2)"),
        ({"OMP_NUM_THREADS": "0"}, (), TWO, " (OMP_NUM_THREADS=0 is not a number of threads and has no effect)"),
        (
            {"OMP_NUM_THREADS": "2"},
            ("OMP_NUM_THREADS",),
            Cores(8, 8, 8, 1.5),
            ", from the CPU quota (OMP_NUM_THREADS unset)",
        ),
        (
            {},
            (),
            Cores(2, 1, 1),
            ", torch's default (OMP_NUM_THREADS unset); "
            "2 threads on 1 CPU wait for each other: at most 1 can run at the same time",
        ),
    ],
)
def test_what_doctor_says_about_threads(variables, ours, found, text):
    assert threads_text(2, found, variables, ours) == f"2 for torch and the kernels{text}"


def test_what_doctor_says_about_other_processes():
    assert other_load(None, None, 2) == "unknown on this system"
    assert other_load(Load(2, 0.02, 0.0), None, 2) == "other processes use 1% of the 2 CPUs"
    text = other_load(Load(2, 1.0, 0.0), 0.3667, 2)
    assert text.endswith("--threads 1 may be faster; processes waited for a CPU in 37% of the last 10 s")
    assert "faster" not in other_load(Load(2, 1.0, 0.0), 0.3667, 1)


def test_doctor_measures_for_long_enough(monkeypatch):
    now = [100.0]

    def sleep(seconds):
        now[0] += seconds

    def times():
        return Times(now[0], 2, now[0] / 2, 0.0, 0.0)

    monkeypatch.setattr(load, "times", times)
    monkeypatch.setattr(load.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(load.time, "sleep", sleep)
    lines = dict(cpu_report.cpu_lines(times(), "avx2"))
    assert list(lines) == ["processor", "CPU quota", "threads", "other load"]
    assert lines["processor"].endswith("cores usable; avx2")
    assert "other processes use 25% of the 2 CPUs" in lines["other load"]
    assert dict(cpu_report.cpu_lines(None, ""))["other load"] == "unknown on this system"


def test_the_entry_point_prepares_the_process_first(monkeypatch):
    order = []
    monkeypatch.setattr(environment, "limit_threads", lambda: order.append("threads"))
    monkeypatch.setattr(environment, "spin_briefly", lambda: order.append("spinning"))
    monkeypatch.setattr(load, "begin", lambda: order.append("load"))
    monkeypatch.setattr(cli, "main", lambda: order.append("main") or 7)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for verb, spinning in (("train", ["spinning"]), ("bench", [])):
        order.clear()
        monkeypatch.setattr("sys.argv", ["unrolled", verb])
        assert entry.run() == 7
        assert order == ["threads", *spinning, "load", "main"]

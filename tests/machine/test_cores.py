"""CPUs and threads: affinity, quota, and the environment of the command line's process."""

import os

import pytest
from machine_parts import V2, system, write

from unrolled.machine import cores as module
from unrolled.machine import environment
from unrolled.machine.cores import Cores, cores, too_many


@pytest.fixture
def variables(monkeypatch):
    """The environment of a user who has set nothing."""
    monkeypatch.setattr(environment, "ours", set())
    for name in (*environment.NAMES, *environment.WAITING):
        monkeypatch.setenv(name, "1")  # so that it is restored afterwards
        monkeypatch.delenv(name)
    return environment.ours


def test_affinity_and_quota(tmp_path, monkeypatch):
    root = system(tmp_path, "0::/\n", V2, {"cpu.max": "250000 100000"})
    siblings = {4: "4,36", 5: "5", 36: "4,36"}
    write(root, {f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": text for n, text in siblings.items()})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(module, "affinity", lambda: {4, 5, 36, 7})
    assert cores(root) == Cores(64, 4, 3, 2.5)
    monkeypatch.setattr(module, "affinity", lambda: None)
    assert cores(tmp_path / "macOS") == Cores(64, 64, 64, None)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity masks")
def test_the_affinity_mask_of_this_process():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cores().usable == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("quota", "threads", "limited"),
    [(None, 4, False), (0.5, 1, True), (1.0, 1, True), (1.01, 2, True), (3.2, 4, False), (4, 4, False), (9, 4, False)],
)
def test_threads_of_a_quota(quota, threads, limited):
    found = Cores(8, 4, 4, quota)
    assert (found.threads, found.limited) == (threads, limited)


def test_a_note_about_more_threads_than_cpus():
    assert too_many(4, Cores(4, 4, 4)) is None
    note = "4 threads on 2 CPUs (quota 1.5) wait for each other: at most 2 can run at the same time"
    assert too_many(4, Cores(64, 64, 32, 1.5)) == note
    assert too_many(2, Cores(2, 1, 1)) == "2 threads on 1 CPU wait for each other: at most 1 can run at the same time"


@pytest.mark.parametrize(
    ("found", "threads"), [(Cores(8, 8, 8, 1.5), "2"), (Cores(8, 8, 4, 6), "4"), (Cores(8, 8, 8, 0.1), "1")]
)
def test_the_command_keeps_to_the_quota(variables, found, threads):
    environment.limit_threads(found)
    assert os.environ["OMP_NUM_THREADS"] == threads
    assert variables == {"OMP_NUM_THREADS"}


@pytest.mark.parametrize("found", [Cores(8, 8, 8), Cores(8, 2, 2, 2.0), Cores(8, 1, 1, 1.5)])
def test_torch_decides_where_the_quota_is_no_limit(variables, found):
    environment.limit_threads(found)
    assert "OMP_NUM_THREADS" not in os.environ
    assert not variables


@pytest.mark.parametrize(
    ("name", "value"), [("OMP_NUM_THREADS", "6"), ("OMP_NUM_THREADS", " 4,2"), ("MKL_NUM_THREADS", "6")]
)
def test_the_users_variables_are_kept(variables, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    environment.limit_threads(Cores(8, 8, 8, 1.5))
    assert {key: os.environ.get(key) for key in environment.NAMES} == {**dict.fromkeys(environment.NAMES), name: value}
    assert not variables


@pytest.mark.parametrize("value", ["0", "-1", "two", "", "²", "9" * 20])
def test_an_invalid_variable_is_replaced(variables, monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    environment.limit_threads(Cores(8, 8, 8, 1.5))
    assert os.environ["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize("given", [{}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": ""}])
def test_threads_spin_briefly_unless_the_user_has_decided(variables, monkeypatch, given):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    environment.spin_briefly()
    found = {name: os.environ[name] for name in environment.WAITING if name in os.environ}
    assert found == (given or {"GOMP_SPINCOUNT": "3000"})
    assert variables == (set() if given else {"GOMP_SPINCOUNT"})

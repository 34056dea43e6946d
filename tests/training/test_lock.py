"""One training at a time in a folder: other threads, processes and forks are refused, and a dead one holds nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from unrolled.errors import RunError, SaveError
from unrolled.training import lock
from unrolled.training.folder import RunFolder, reserve

HERE = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def forked(body):
    """A child that runs ``body`` and nothing else of this process; its process number."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = body() or 0
        finally:
            os._exit(status)
    return pid


def wait_for(path):
    end = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_who_comes_second_is_told_who_was_first(tmp_path):
    assert lock.holder(tmp_path) == ""
    with lock.held(tmp_path):
        written = json.loads((tmp_path / ".lock").read_text())
        (tmp_path / ".lock").write_text(json.dumps({**written, "since": written["since"] - 125}))
        with pytest.raises(RunError) as caught, lock.held(tmp_path):
            pass
        who = lock.holder(tmp_path)
    assert lock.holder(tmp_path) == ""
    me, host = os.getpid(), lock.socket.gethostname()
    assert str(caught.value) == (
        f"{tmp_path} is being trained by process {me} on {host} (this one), started 2 minutes ago; "
        f"wait until it has ended or stop it (kill {me} lets it save first), then try again"
    )
    assert who == f"process {me} on {host} (this one), started 2 minutes ago"
    assert not list(tmp_path.iterdir())
    with lock.held(tmp_path):
        pass


def test_two_threads(tmp_path):
    said = []

    def body():
        try:
            with lock.held(tmp_path):
                said.append("held")
        except RunError:
            said.append("refused")

    def go():
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()

    with lock.held(tmp_path):
        go()
    go()
    assert said == ["refused", "held"]


@HERE
def test_a_killed_process_holds_nothing(tmp_path):
    def hold():
        with lock.held(tmp_path):
            (tmp_path / "held").touch()
            time.sleep(60)

    pid = forked(hold)
    wait_for(tmp_path / "held")
    with pytest.raises(RunError, match=f"by process {pid} on "), lock.held(tmp_path):
        pass
    with pytest.raises(RunError, match=f"is not a run yet: its training is being prepared by process {pid} on "):
        RunFolder.open(tmp_path)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert (tmp_path / ".lock").exists()
    assert lock.holder(tmp_path) == ""
    with lock.held(tmp_path):
        assert lock._read(tmp_path / ".lock").pid == os.getpid()


@HERE
def test_a_fork_of_the_holder_does_not_hold_on(tmp_path):
    def hold():
        with lock.held(tmp_path):
            child = forked(lambda: time.sleep(60))
            (tmp_path / "child").write_text(str(child))
            os._exit(0)  # as a kill would end it

    os.waitpid(forked(hold), 0)
    child = int((tmp_path / "child").read_text())
    try:
        with lock.held(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


@HERE
def test_a_fork_that_leaves_the_block_takes_no_lock_away(tmp_path):
    with lock.held(tmp_path):
        inner = lock.held(tmp_path / "inner")
        (tmp_path / "inner").mkdir()
        inner.__enter__()
        os.waitpid(forked(lambda: inner.__exit__(None, None, None)), 0)
        assert (tmp_path / "inner" / ".lock").exists()
        with pytest.raises(RunError), lock.held(tmp_path / "inner"):
            pass
        inner.__exit__(None, None, None)


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    """Between opening and locking, the one before removes the file: its lock would be one on nothing."""
    real, calls = lock._lock, []

    def slow(handle):
        calls.append(handle)
        if len(calls) == 1:
            (tmp_path / ".lock").unlink()
        return real(handle)

    monkeypatch.setattr(lock, "_lock", slow)
    with lock.held(tmp_path):
        assert len(calls) == 2
        with pytest.raises(RunError), lock.held(tmp_path):
            pass


def test_a_file_system_without_locks_goes_by_what_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_lock", lambda handle: None)
    monkeypatch.setattr(lock, "SETTLE", 0.001)
    file = tmp_path / ".lock"
    remove = f"; if that process has ended, remove {file}$"
    with lock.held(tmp_path), pytest.raises(RunError, match=remove), lock.held(tmp_path):
        pass
    assert not file.exists()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    me = lock.Owner.here()
    for owner, free in (
        (me._replace(pid=ended.pid), True),
        (me._replace(born="1"), bool(me.born)),  # the number of one that has ended is another's now
        (me._replace(host="elsewhere"), False),
        (me._replace(host="elsewhere", pid=ended.pid), False),
        (me, False),
    ):
        file.write_text(json.dumps(owner._asdict()))
        if free:
            with lock.held(tmp_path):
                assert lock._read(file).pid == os.getpid()
        else:
            with pytest.raises(RunError, match=remove), lock.held(tmp_path):
                pass
    file.write_text("nonsense")
    with lock.held(tmp_path):
        pass
    real = lock._write
    monkeypatch.setattr(lock, "_write", lambda handle, owner: real(handle, owner._replace(pid=1)))  # a faster one's
    with pytest.raises(RunError, match="by process 1 on"), lock.held(tmp_path):
        pass


def test_a_zombie_has_ended():
    child = subprocess.Popen([sys.executable, "-c", ""])
    me = lock.Owner.here()
    end = time.monotonic() + 10
    while me.born and not me._replace(pid=child.pid).is_gone():
        assert time.monotonic() < end
        time.sleep(0.01)
    child.wait()


def test_a_lock_that_cannot_be_written(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(SaveError, match=r"cannot write .*\.lock: Is a directory; .*make it writable"):
        lock._acquire(tmp_path / ".lock")
    with pytest.raises(FileNotFoundError):
        lock._acquire(tmp_path / "missing" / ".lock")


@HERE
def test_of_several_that_begin_one_run_at_once_one_does(tmp_path):
    """Also where some give up and take the folder away: the others' is theirs alone."""

    def begin(number, path, fails):
        wait_for(tmp_path / f"go{path.name}")
        try:
            with RunFolder.new(path) as folder:
                (folder.path / "winner").write_text(str(number))
                time.sleep(0.01)
                if fails:
                    (folder.path / "winner").unlink()
                    return 3
                assert folder.previews.is_dir()
                assert (folder.path / "winner").read_text() == str(number)
                folder.write_config("")
            return 0
        except RunError as error:
            return 2 if "is being trained by" in str(error) or "already holds a run" in str(error) else 1

    for fight in range(4):
        path = tmp_path / str(fight)
        pids = [forked(lambda n=n, path=path: begin(n, path, fails=n % 2)) for n in range(6)]
        (tmp_path / f"go{fight}").touch()
        statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        assert statuses.count(0) <= 1
        assert set(statuses) <= {0, 2, 3}
        assert path.exists() == (0 in statuses)
        if 0 in statuses:
            assert (path / "winner").read_text() == str(statuses.index(0))
            assert sorted(p.name for p in path.iterdir()) == ["checkpoints", "config.toml", "previews", "winner"]


@HERE
def test_runs_without_a_name_get_folders_of_their_own(tmp_path):
    def take():
        wait_for(tmp_path / "go")
        for _ in range(5):
            path = reserve(tmp_path / "runs", "lm-x")
            with (path / "taken").open("x"):
                pass

    pids = [forked(take) for _ in range(4)]
    (tmp_path / "go").touch()
    assert {os.waitpid(pid, 0)[1] for pid in pids} == {0}
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {f"lm-x-{n}" for n in range(1, 21)}
    (tmp_path / "file").touch()
    with pytest.raises(SaveError, match=r"cannot create a run in .*lm-x-1: Not a directory"):
        reserve(tmp_path / "file", "lm-x")
    (tmp_path / "loose").symlink_to(tmp_path / "nowhere" / "at all")
    with pytest.raises(SaveError, match="cannot create a run in"):
        reserve(tmp_path / "loose", "lm-x")

"""The lock on the folder of a run: one training at a time, across processes and threads.

The lock is the operating system's lock on the file ``.lock``. It is released when its process ends, however that ends,
so a killed process leaves no stale lock; a network file system mounted with locks enforces it across machines. The
content of the file (process, machine, time) is used for the error message of the second process. Only on file systems
without locks does the content decide: a process of this machine holds the lock while it is alive, and a process of
another machine until the file is removed, because its state is unknown here.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import RunError, SaveError

NAME = ".lock"  # hidden: hidden files are skipped when a folder of texts is read
SETTLE = 0.2  # seconds in which two processes racing without file locks have both written
_held: set[int] = set()  # file descriptors of the locks of this process


class Owner(NamedTuple):
    """The process that holds a lock; also the content of the lock file."""

    pid: int
    host: str
    since: float
    born: str
    """start time of the process in system units, to detect a reused process id; "" if unknown"""

    @classmethod
    def here(cls) -> Owner:
        return cls(os.getpid(), socket.gethostname(), time.time(), _start_time(os.getpid()))

    def is_gone(self) -> bool:
        """Whether the process has certainly ended."""
        if self.host != socket.gethostname() or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # a process of another user
            pass
        return bool(self.born) and _start_time(self.pid) not in ("", self.born)

    def describe(self) -> str:
        """Return the process, its machine and how long it has been training."""
        this = " (this one)" if self.pid == os.getpid() else ""
        return f"process {self.pid} on {self.host}{this}, started {_age(time.time() - self.since)} ago"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock on ``folder``: a context manager.

    Raises:
        RunError: another process or thread holds the lock.
        SaveError: the lock file cannot be written.
        FileNotFoundError: the folder does not exist.
    """
    path = folder / NAME
    handle = _acquire(path)
    _held.add(handle)
    try:
        yield
    finally:
        if handle in _held:  # not in a forked child, which holds no locks
            _held.remove(handle)
            _release(path, handle)


def holder(folder: Path) -> str:
    """Return the process training in ``folder``, as in "process 12 on host, started 2 minutes ago"; "" if none.

    Only reads the file: trying the lock could make a training that is just starting fail.
    """
    owner = _read(folder / NAME)
    return "" if owner is None or owner.is_gone() else owner.describe()


def _acquire(path: Path) -> int:
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _write_error(path, error) from error
        try:
            locked = _lock(handle)
            if locked is None:
                _claim(path, handle)
                return handle
            if not locked:
                raise RunError(_locked_message(path, _wait_for_owner(path)))
            if _is_at(path, handle):
                _write(handle, Owner.here())
                return handle
        except BaseException as error:
            os.close(handle)
            if isinstance(error, OSError):
                raise _write_error(path, error) from error
            raise
        os.close(handle)  # the previous owner has just removed this file: try again


def _release(path: Path, handle: int) -> None:
    if os.name == "posix":  # removed while still locked: afterwards it could be the file of the next owner
        with contextlib.suppress(OSError):
            path.unlink()
    os.close(handle)
    if os.name != "posix":  # Windows removes no open file, so one opened by the next owner stays
        with contextlib.suppress(OSError):
            path.unlink()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool | None:
        """Lock the file. Return `False` if it is locked already, `None` if the file system has no locks."""
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # beyond the content, which other processes read
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool | None:
        """Lock the file. Return `False` if it is locked already, `None` if the file system has no locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True


def _claim(path: Path, handle: int) -> None:
    """Take the lock without file locks, by writing the file; of two racing processes the last writer wins."""
    owner = _read(path)
    if owner is not None and not owner.is_gone():
        raise RunError(f"{_locked_message(path, owner)}; if that process has ended, remove {path}")
    mine = Owner.here()
    _write(handle, mine)
    time.sleep(SETTLE)
    if (now := _read(path)) != mine:
        raise RunError(_locked_message(path, now))


def _is_at(path: Path, handle: int) -> bool:
    """Whether the open file is still the file at ``path``."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _write(handle: int, owner: Owner) -> None:
    data = json.dumps(owner._asdict()).encode()
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, data)
    os.ftruncate(handle, len(data))


def _read(path: Path) -> Owner | None:
    try:
        values = json.loads(path.read_bytes()[:10_000])
        return Owner(int(values["pid"]), str(values["host"]), float(values["since"]), str(values["born"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _wait_for_owner(path: Path) -> Owner | None:
    """Return the owner of the lock, which may be about to write the file."""
    for _ in range(20):
        if (owner := _read(path)) is not None and not owner.is_gone():
            return owner
        time.sleep(0.01)
    return owner


def _locked_message(path: Path, owner: Owner | None) -> str:
    if owner is None:
        return f"{path.parent} is being trained by another process; wait until it has ended, then try again"
    return (
        f"{path.parent} is being trained by {owner.describe()}; "
        f"wait until it has ended or stop it (kill {owner.pid} lets it save first), then try again"
    )


def _age(seconds: float) -> str:
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= unit or unit == 1:
            count = max(0, int(seconds // unit))
            return f"{count} {name}{'s' * (count != 1)}"
    raise AssertionError


def _start_time(pid: int) -> str:
    """Return the start time of a process on Linux, "ended" if it has ended, "" on other systems."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] in ("Z", "X") else fields[19]


def _write_error(path: Path, error: OSError) -> SaveError:
    return SaveError(
        f"cannot write {path}: {error.strerror or error}; training writes to the folder of its run: make it writable, "
        "free some space, or copy the run elsewhere"
    )


def _forget() -> None:
    """In a forked child, close the lock files of the parent, which must not outlive it here."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""The lock on a run's folder: one training at a time, whichever process or thread it is in.

The operating system's lock on the file ``.lock`` decides. It goes with its process, however that ends, so a killed
training never leaves one; on a network file system it holds for all machines that mount it with locks. What is written
in the file (process, machine, time) is for the message to whoever comes second. Only on a file system without locks it
decides: a process of this machine that has ended holds nothing, and one of another machine holds it until the file is
removed, because nobody here can tell.
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

NAME = ".lock"  # hidden: where a folder of texts is read, such files are none
SETTLE = 0.2  # seconds: within them two that take a file system without locks at once have both written
_held: set[int] = set()  # file descriptors of the locks of this process


class Owner(NamedTuple):
    """Who holds a lock."""

    pid: int
    host: str
    since: float
    born: str
    """when the process started, in whatever the system counts: its number may be another's by now; "" if unknown"""

    @classmethod
    def here(cls) -> Owner:
        return cls(os.getpid(), socket.gethostname(), time.time(), _born(os.getpid()))

    def is_gone(self) -> bool:
        """Whether it certainly holds nothing any more."""
        if self.host != socket.gethostname() or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # somebody else's
            pass
        return bool(self.born) and _born(self.pid) not in ("", self.born)

    def told(self) -> str:
        """The process, its machine and how long it has trained."""
        this = " (this one)" if self.pid == os.getpid() else ""
        return f"process {self.pid} on {self.host}{this}, begun {_age(time.time() - self.since)} ago"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Within it nobody else trains in ``folder``.

    Raises:
        RunError: somebody does.
        SaveError: the lock cannot be written.
        FileNotFoundError: there is no such folder.
    """
    path = folder / NAME
    handle = _acquire(path)
    _held.add(handle)
    try:
        yield
    finally:
        if handle in _held:  # a forked child has none
            _held.remove(handle)
            _release(path, handle)


def holder(folder: Path) -> str:
    """Who trains in ``folder`` now, as in "process 12 on host, begun 2 minutes ago"; "" if nobody does.

    It only reads: to try the lock would stand in the way of a training that begins.
    """
    owner = _read(folder / NAME)
    return "" if owner is None or owner.is_gone() else owner.told()


def _acquire(path: Path) -> int:
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            locked = _lock(handle)
            if locked is None:
                _claim(path, handle)
                return handle
            if not locked:
                raise RunError(_refusal(path, _wait_for_owner(path)))
            if _is_at(path, handle):
                _write(handle, Owner.here())
                return handle
        except BaseException as error:
            os.close(handle)
            if isinstance(error, OSError):
                raise _unwritable(path, error) from error
            raise
        os.close(handle)  # the one before has just removed this file: take the next


def _release(path: Path, handle: int) -> None:
    if os.name == "posix":  # removed while it is still locked, or it would be the next one's file
        with contextlib.suppress(OSError):
            path.unlink()
    os.close(handle)
    if os.name != "posix":  # an open file cannot be removed, and one that the next has opened will not be
        with contextlib.suppress(OSError):
            path.unlink()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool | None:
        """Lock the file; `False`: somebody else has, `None`: this file system has no locks."""
        os.lseek(handle, 1 << 30, os.SEEK_SET)  # beyond what is written, which others may read
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool | None:
        """Lock the file; `False`: somebody else has, `None`: this file system has no locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True


def _claim(path: Path, handle: int) -> None:
    """Take a lock by writing alone; of two who do so at the same moment the last to write has it."""
    owner = _read(path)
    if owner is not None and not owner.is_gone():
        raise RunError(f"{_refusal(path, owner)}; if that process is no more, remove {path}")
    mine = Owner.here()
    _write(handle, mine)
    time.sleep(SETTLE)
    if (now := _read(path)) != mine:
        raise RunError(_refusal(path, now))


def _is_at(path: Path, handle: int) -> bool:
    """Whether the open file is the one at ``path``."""
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
    """Who holds the lock; it may be about to write its name."""
    for _ in range(20):
        if (owner := _read(path)) is not None and not owner.is_gone():
            return owner
        time.sleep(0.01)
    return owner


def _refusal(path: Path, owner: Owner | None) -> str:
    if owner is None:
        return f"{path.parent} is being trained by another process; wait until that has ended, then try again"
    return (
        f"{path.parent} is being trained by {owner.told()}; "
        f"wait until that has ended or stop it (kill {owner.pid} lets it save first), then try again"
    )


def _age(seconds: float) -> str:
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= unit or unit == 1:
            count = max(0, int(seconds // unit))
            return f"{count} {name}{'s' * (count != 1)}"
    raise AssertionError


def _born(pid: int) -> str:
    """When a process started, as Linux tells it; "ended" of one that has, "" elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] in ("Z", "X") else fields[19]


def _unwritable(path: Path, error: OSError) -> SaveError:
    return SaveError(
        f"cannot write {path}: {error.strerror or error}; training writes into its run's folder: make it writable, "
        "free some space, or copy the run elsewhere"
    )


def _forget() -> None:
    """In a forked child: the locks are its parent's, and must not outlive it here."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

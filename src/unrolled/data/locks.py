"""Locks between processes by name, all on one file: the operating system's locks on single bytes of it.

They go with their process, however that ends, and a forked child has none of its parent's. However many names are
locked, only one file is open; nothing else in the process may open it, because closing it would unlock everything.
Threads of one process do not exclude each other: they need a lock of their own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    PLACES = 1 << 30  # bytes that can be locked

    def _lock(handle: int, place: int, shared: bool) -> bool | None:
        if shared:
            return None  # Windows has none through this interface
        os.lseek(handle, place, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int, place: int) -> None:
        os.lseek(handle, place, os.SEEK_SET)
        with contextlib.suppress(OSError):  # a shared lock that was never taken
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    PLACES = 1 << 62

    def _lock(handle: int, place: int, shared: bool) -> bool | None:
        try:
            fcntl.lockf(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            return False
        except OSError:
            return None
        return True

    def _unlock(handle: int, place: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.lockf(handle, fcntl.LOCK_UN, 1, place)


class Locks:
    """The locks of one file, which is made when it is first needed and never removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._mutex = threading.Lock()

    def take(self, name: str, *, shared: bool = False) -> bool | None:
        """Lock ``name`` without waiting; what this process has is changed to what is asked for.

        Returns:
            Whether it was free; `None` if that cannot be told: there are no such locks on this system or file system,
            or the file cannot be written.
        """
        with self._mutex:
            handle = self._open()
            return None if handle is None else _lock(handle, _place(name), shared)

    def release(self, name: str) -> None:
        """Unlock ``name``."""
        with self._mutex:
            if self._handle is not None:
                _unlock(self._handle, _place(name))

    def close(self) -> None:
        """Unlock everything (in a forked child: nothing, since the locks are its parent's)."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int | None:
        if self._handle is not None and not self._is_there(self._handle):
            self.close()  # the file was removed: others lock the next one
        if self._handle is None:
            with contextlib.suppress(OSError):
                self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        return self._handle

    def _is_there(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(handle))
        except OSError:
            return False


def _place(name: str) -> int:
    """The byte that stands for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % PLACES

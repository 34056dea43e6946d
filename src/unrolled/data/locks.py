"""Named locks between processes, as operating system locks on single bytes of one file.

Locks are released when their process ends, and a forked child does not inherit them. All names share one open file; the
process must not open it elsewhere, because closing it would release all locks. The locks do not exclude threads of one
process from each other.
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

    PLACES = 1 << 30  # lockable bytes

    def _lock(handle: int, place: int, shared: bool) -> bool | None:
        if shared:
            return None  # not supported on Windows through this interface
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
        except (BlockingIOError, PermissionError):  # POSIX allows either error
            return False
        except OSError:
            return None
        return True

    def _unlock(handle: int, place: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.lockf(handle, fcntl.LOCK_UN, 1, place)


class Locks:
    """The locks of one file, which is created on first use and never removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._mutex = threading.Lock()

    def take(self, name: str, *, shared: bool = False) -> bool | None:
        """Lock ``name`` without waiting. A lock held by this process is converted to shared or exclusive.

        Returns:
            `True` if the lock was taken, `False` if another process holds it, `None` if locks are not supported by the
            system or file system, or the file cannot be written.
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
        """Release all locks of this process (a forked child has none)."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int | None:
        if self._handle is not None and not self._is_there(self._handle):
            self.close()  # the file was removed: other processes lock a new one
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
    """Return the byte offset of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % PLACES

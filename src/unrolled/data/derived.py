"""The cache of derived data: encoded text, features and other data that are computed once.

    CACHE/derived/KIND-DIGEST/                  an entry: the files written by ``make`` of `derived`
    CACHE/derived/KIND-DIGEST/.manifest.json    size and SHA-256 of each file, and the time of sealing
    CACHE/.derived.lock                         the locks

* Entries are written under a temporary name, flushed to disk and renamed, so an entry with its final name is complete.
  If several processes or threads request an entry at once, one computes it and the others wait.
* Opening an entry verifies the size of each file. Files are sealed with a fixed modification time; if it has changed,
  the file was modified or copied, and its SHA-256 is verified, too. Damaged entries are computed again. (Changes that
  keep the modification time, such as on a failing disk, are not detected.)
* After an entry is written, the least recently opened entries are removed until the total size is at most `bound`
  bytes. (Each of several processes may exceed it by a twentieth before it sees the entries of the others.) An entry is
  in use, and never removed, until the process that opened it ends. A forked child must open the entries that it uses
  after its parent has ended.
* On file systems without locks, or systems without shared locks (Windows), entries are never removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..checks import checked
from ..errors import ArgumentError, DataError, SaveError
from .locks import Locks
from .registry import cache_folder
from .sealed import FULL, MANIFEST, is_whole, seal, sync_folder

BOUND = 20 * 10**9  # bytes; default of UNROLLED_CACHE_SIZE
POLL = 0.05  # seconds between attempts to take a lock
_ENTRY = re.compile(r"[a-z0-9-]+-[0-9a-f]{24}")
_TEMPORARY = re.compile(rf"\.({_ENTRY.pattern})-\w+")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@checked
def derived(kind: str, key: Any, make: Callable[[Path], None], *, cache: Path | None = None) -> Path:
    """Return the folder with the files written by ``make``, from the cache if possible.

    Args:
        kind: prefix of the folder name: lower-case letters, digits and dashes.
        key: everything that determines the output of ``make``, as JSON data: digests of the files it reads, options,
            and a version number of its code.
        make: writes files into the given empty folder; they must not be modified afterwards. Flushing an entry to disk
            takes some milliseconds, so store many small items as files of one entry.
        cache: the folder of all entries; by default ``derived`` in the cache folder.

    Raises:
        ArgumentError: ``kind``, ``key`` or UNROLLED_CACHE_SIZE is invalid.
        SaveError: the entry cannot be written.
        DataError: ``make`` could not read a file. Other exceptions of ``make`` are propagated.
    """
    most, name = bound(), _name(kind, key)
    return _store(cache_folder() / "derived" if cache is None else cache).open(name, make, most)


def bound() -> int:
    """Return the maximum size of the cache in bytes: the environment variable UNROLLED_CACHE_SIZE, or `BOUND`."""
    given = os.environ.get("UNROLLED_CACHE_SIZE", "").strip()
    if not given:
        return BOUND
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", given.lower())
    if match is None:
        raise ArgumentError("UNROLLED_CACHE_SIZE", "a size such as 500MB or 5GB", given)
    return int(float(match[1]) * _UNITS[match[2]])


class _Store:
    """The entries of one cache folder, with the locks and counters of this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.locks = Locks(root.with_name(f".{root.name}.lock"))
        self.used: set[str] = set()  # entries in use by this process; its shared locks protect them from others
        self.turns: dict[str, threading.RLock] = {}  # between threads, which file locks do not exclude
        self.total: int | None = None  # bytes of all entries at the last count
        self.since = 0  # bytes written by this process since then

    def open(self, name: str, make: Callable[[Path], None], most: int) -> Path:
        entry = self.root / name
        with self._turn(name):
            opened, written = name in self.used, False
            try:
                self.used.add(name)
                self.root.mkdir(parents=True, exist_ok=True)
                shared = self._wait_for(_in_use(name), shared=True)
                if not is_whole(entry):
                    with self._locked(_being_written(name)) as exclusive:
                        written = not is_whole(entry)  # otherwise another process has written it meanwhile
                        if written:
                            self._make(entry, make, exclusive)
            except BaseException as error:
                if not opened:
                    self.used.remove(name)
                    self.locks.release(_in_use(name))
                if isinstance(error, OSError):
                    raise self._failure(entry, error) from error
                raise
            with contextlib.suppress(OSError):  # a read-only cache
                os.utime(entry, ns=(time.time_ns(), time.time_ns()))
        if written and shared:
            with contextlib.suppress(OSError):
                self.since += _size(entry)
                if self._is_due(most):
                    self._evict(most)
        return entry

    def _make(self, entry: Path, make: Callable[[Path], None], exclusive: bool | None) -> None:
        if exclusive:
            self._sweep(entry.name)
        folder = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=self.root))
        try:
            make(folder)
            seal(folder)
            if not is_whole(entry):  # otherwise another process wrote it, without locks
                self._discard(entry)
                os.replace(folder, entry)
                sync_folder(self.root)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _is_due(self, most: int) -> bool:
        """Whether to count all entries again: the bound is exceeded, or many bytes were written since then."""
        if self.total is None or self.since > most // 20:
            return True
        return self.total <= most < self.total + self.since

    def _evict(self, most: int) -> None:
        """Remove the least recently opened entries until at most ``most`` bytes remain, and temporary folders."""
        with self._turn("evicting"), self._locked("evicting"):
            for path in list(self.root.iterdir()):
                if match := _TEMPORARY.fullmatch(path.name):
                    self._unless_used(match[1], self._sweep)
            entries = [path.parent for path in self.root.glob(f"*/{MANIFEST}") if _ENTRY.fullmatch(path.parent.name)]
            sizes = {path: _size(path) for path in sorted(entries, key=lambda path: path.stat().st_mtime_ns)}
            total = sum(sizes.values())
            for path, size in sizes.items():
                if total > most and self._unless_used(path.name, lambda name: self._discard(self.root / name)):
                    total -= size
            self.total, self.since = total, 0

    def _unless_used(self, name: str, act: Callable[[str], None]) -> bool:
        """Call ``act(name)`` unless a process uses or writes the entry; return whether it was called."""
        turn = self._turn(name)
        if not turn.acquire(blocking=False):
            return False
        try:
            if name in self.used or not self.locks.take(_in_use(name)):
                return False
            try:
                act(name)
            finally:
                self.locks.release(_in_use(name))
        finally:
            turn.release()
        return True

    def _discard(self, entry: Path) -> None:
        """Remove an entry atomically, by renaming it first."""
        if not entry.exists():
            return
        trash = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=self.root))
        os.replace(entry, trash / "entry")
        shutil.rmtree(trash, ignore_errors=True)

    def _sweep(self, name: str) -> None:
        """Remove temporary folders of processes that were killed while writing or removing an entry."""
        for path in self.root.glob(f".{name}-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _turn(self, name: str) -> threading.RLock:
        return self.turns.setdefault(name, threading.RLock())

    def _wait_for(self, name: str, *, shared: bool = False) -> bool | None:
        """Wait for a lock; return `None` if the file system has no locks."""
        while (taken := self.locks.take(name, shared=shared)) is False:
            time.sleep(POLL)
        return taken

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[bool | None]:
        taken = self._wait_for(name)
        try:
            yield taken
        finally:
            self.locks.release(name)

    def _failure(self, entry: Path, error: OSError) -> SaveError | DataError:
        reason = error.strerror or str(error)
        if error.errno in FULL:
            return SaveError(f"cannot write {entry}: {reason}; free some space or set UNROLLED_CACHE to another folder")
        if isinstance(error.filename, str):
            place = Path(error.filename).absolute()
            if not (place.is_relative_to(self.root) or self.root.is_relative_to(place)):
                return DataError(f"cannot read {place}: {reason}; change its permissions or replace it")
        return SaveError(f"cannot write {entry}: {reason}; set UNROLLED_CACHE to a writable folder")


def _name(kind: str, key: Any) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind):
        raise ArgumentError("kind", "lower-case letters, digits and dashes", kind)
    try:
        text = json.dumps(key, sort_keys=True, default=_dictionary)
    except (TypeError, ValueError) as error:
        raise ArgumentError("key", "JSON data", key) from error
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _dictionary(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not JSON data: {type(value).__name__}")


def _in_use(name: str) -> str:
    return f"{name} in use"


def _being_written(name: str) -> str:
    return f"{name} being made"


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size * path.is_file()
    return total


_stores: dict[Path, _Store] = {}


def _store(root: Path) -> _Store:
    path = root.expanduser().absolute()
    return _stores.setdefault(path, _Store(path))


def _forget() -> None:
    """In a forked child, forget the locks of the parent."""
    for store in _stores.values():
        store.locks.close()
    _stores.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

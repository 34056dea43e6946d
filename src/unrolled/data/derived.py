"""The cache of derived data: encoded text, features, decoded clips, whatever is computed once from other data.

    CACHE/derived/KIND-DIGEST/                  an entry: the files that `derived`'s ``make`` wrote
    CACHE/derived/KIND-DIGEST/.manifest.json    the size and SHA-256 of each, and the time of its seal
    CACHE/.derived.lock                         the locks

* An entry is made under a temporary name, flushed to disk and renamed, so one with its final name is whole. Of several
  processes and threads that ask for it at once, one makes it and the others wait.
* When an entry is opened, every file must have its size. Files are sealed with a modification time a little before
  their making; one that has another was written or copied since and must have its SHA-256, too. A damaged entry is
  made again. (A file that changes without its time, such as on a failing disk, is not noticed.)
* After an entry is made, the ones opened longest ago are removed until all together take at most `bound` bytes. (Each
  of several processes may pass it by a twentieth before it counts what the others made.) An entry counts as in use, and
  is never removed, until the process that opened it ends. A forked child opens for itself what it needs for longer than
  its parent lives.
* Where the file system has no locks, or the system no shared ones (Windows), nothing is removed.
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

BOUND = 20 * 10**9  # bytes, unless UNROLLED_CACHE_SIZE says otherwise
POLL = 0.05  # seconds between two looks at a lock
_ENTRY = re.compile(r"[a-z0-9-]+-[0-9a-f]{24}")
_TEMPORARY = re.compile(rf"\.({_ENTRY.pattern})-\w+")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@checked
def derived(kind: str, key: Any, make: Callable[[Path], None], *, cache: Path | None = None) -> Path:
    """The folder with what ``make`` computes, from the cache if it is there.

    Args:
        kind: what it is, the beginning of the folder's name: lower-case letters, digits and dashes.
        key: everything that decides what ``make`` writes, as JSON: digests of the files it reads, options, and a number
            that is raised whenever its code writes something else.
        make: writes files into the empty folder it is given. They may only be read afterwards. An entry costs some
            milliseconds for flushing it to disk: many small things are better files of one than entries each.
        cache: the folder of all entries; by default ``derived`` in the cache folder.

    Raises:
        ArgumentError: ``kind`` or ``key`` is none, or UNROLLED_CACHE_SIZE is no size.
        SaveError: the entry cannot be written.
        DataError: ``make`` could not read a file; and what else ``make`` raises.
    """
    most, name = bound(), _name(kind, key)
    return _store(cache_folder() / "derived" if cache is None else cache).open(name, make, most)


def bound() -> int:
    """The bytes that all entries may take together: the environment variable UNROLLED_CACHE_SIZE, or `BOUND`."""
    given = os.environ.get("UNROLLED_CACHE_SIZE", "").strip()
    if not given:
        return BOUND
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", given.lower())
    if match is None:
        raise ArgumentError("UNROLLED_CACHE_SIZE", "a size such as 500MB or 5GB", given)
    return int(float(match[1]) * _UNITS[match[2]])


class _Store:
    """The entries of one folder, as this process sees them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.locks = Locks(root.with_name(f".{root.name}.lock"))
        self.used: set[str] = set()  # never removed by this process; to others their shared locks say so
        self.turns: dict[str, threading.RLock] = {}  # between threads, which the system's locks do not exclude
        self.total: int | None = None  # bytes of all entries when they were last counted
        self.since = 0  # bytes that this process has made since then

    def open(self, name: str, make: Callable[[Path], None], most: int) -> Path:
        entry = self.root / name
        with self._turn(name):
            opened, made = name in self.used, False
            try:
                self.used.add(name)
                self.root.mkdir(parents=True, exist_ok=True)
                shared = self._wait_for(_use(name), shared=True)
                if not is_whole(entry):
                    with self._locked(_making(name)) as alone:
                        made = not is_whole(entry)  # else another process has made it meanwhile
                        if made:
                            self._make(entry, make, alone)
            except BaseException as error:
                if not opened:
                    self.used.remove(name)
                    self.locks.release(_use(name))
                if isinstance(error, OSError):
                    raise self._failure(entry, error) from error
                raise
            with contextlib.suppress(OSError):  # a cache that can only be read
                os.utime(entry, ns=(time.time_ns(), time.time_ns()))
        if made and shared:
            with contextlib.suppress(OSError):
                self.since += _size(entry)
                if self._is_due(most):
                    self._evict(most)
        return entry

    def _make(self, entry: Path, make: Callable[[Path], None], alone: bool | None) -> None:
        if alone:
            self._sweep(entry.name)
        folder = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=self.root))
        try:
            make(folder)
            seal(folder)
            if not is_whole(entry):  # one that is whole was made by another process, without locks
                self._discard(entry)
                os.replace(folder, entry)
                sync_folder(self.root)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _is_due(self, most: int) -> bool:
        """Whether to count all entries again: they pass the bound, or much was made since, by other processes too."""
        if self.total is None or self.since > most // 20:
            return True
        return self.total <= most < self.total + self.since

    def _evict(self, most: int) -> None:
        """Remove the entries opened longest ago until all take at most ``most`` bytes, and what a kill has left."""
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
        """Do something to an entry, unless this process or another uses or makes it; whether it was done."""
        turn = self._turn(name)
        if not turn.acquire(blocking=False):
            return False
        try:
            if name in self.used or not self.locks.take(_use(name)):
                return False
            try:
                act(name)
            finally:
                self.locks.release(_use(name))
        finally:
            turn.release()
        return True

    def _discard(self, entry: Path) -> None:
        """Remove an entry at once: under its name it is whole or not there."""
        if not entry.exists():
            return
        trash = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=self.root))
        os.replace(entry, trash / "entry")
        shutil.rmtree(trash, ignore_errors=True)

    def _sweep(self, name: str) -> None:
        """Remove what processes left that were killed while they made or removed an entry."""
        for path in self.root.glob(f".{name}-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _turn(self, name: str) -> threading.RLock:
        return self.turns.setdefault(name, threading.RLock())

    def _wait_for(self, name: str, *, shared: bool = False) -> bool | None:
        """Take a lock as soon as it is free; `None`: there are no locks here."""
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
        said = error.strerror or str(error)
        if error.errno in FULL:
            return SaveError(f"cannot write {entry}: {said}; free some space or set UNROLLED_CACHE to another folder")
        if isinstance(error.filename, str):
            place = Path(error.filename).absolute()
            if not (place.is_relative_to(self.root) or self.root.is_relative_to(place)):
                return DataError(f"cannot read {place}: {said}; change its permissions or replace it")
        return SaveError(f"cannot write {entry}: {said}; set UNROLLED_CACHE to a folder that can be written")


def _name(kind: str, key: Any) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind):
        raise ArgumentError("kind", "lower-case letters, digits and dashes", kind)
    try:
        text = json.dumps(key, sort_keys=True, default=_dictionary)
    except (TypeError, ValueError) as error:
        raise ArgumentError("key", "a mapping or another value that JSON has", key) from error
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _dictionary(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _use(name: str) -> str:
    return f"{name} in use"


def _making(name: str) -> str:
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
    """In a forked child: the locks are its parent's."""
    for store in _stores.values():
        store.locks.close()
    _stores.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

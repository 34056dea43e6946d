"""Sealed folders: flushed to disk, with a manifest for verification."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
from pathlib import Path

MANIFEST = ".manifest.json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def seal(folder: Path) -> None:
    """Flush the files of a folder to disk, and write a manifest with their sizes, SHA-256 and the time of sealing.

    The files get that time, which is slightly in the past, as modification time: later writes change it.
    """
    sealed = int(time.time()) // 2 * 2 - 2  # even seconds, which all file systems store exactly
    files, folders = {}, [folder]
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            folders.append(path)
            continue
        _flush(path)
        files[path.relative_to(folder).as_posix()] = {"size": path.stat().st_size, "sha256": _digest(path)}
        os.utime(path, (sealed, sealed))
    write_synced(folder / MANIFEST, json.dumps({"sealed": sealed, "files": files}).encode())
    for path in folders:
        sync_folder(path)


def is_whole(folder: Path) -> bool:
    """Whether a sealed folder is unchanged: verify all sizes, and the SHA-256 of files with a new timestamp."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sealed = int(manifest["sealed"])
        return all(_is_as_sealed(folder / name, sealed, **about) for name, about in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _is_as_sealed(path: Path, sealed: int, size: int, sha256: str) -> bool:
    stat = path.stat()
    if stat.st_size != size:
        return False
    if stat.st_mtime_ns != sealed * 10**9:
        if _digest(path) != sha256:
            return False
        with contextlib.suppress(OSError):
            os.utime(path, (sealed, sealed))  # after copying the folder: verify the content only once
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and flush it to disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Flush the directory entries of a folder, so that a rename survives a power cut."""
    if not hasattr(os, "O_DIRECTORY"):  # not supported on Windows
        return
    _flush(path, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: Path, flags: int = os.O_RDONLY if os.name == "posix" else os.O_RDWR) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

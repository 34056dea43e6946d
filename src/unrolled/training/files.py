"""Atomic writes: a crash, a full disk or a killed process never damages the previous file."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

from ..data.sealed import FULL
from ..data.sealed import sync_folder as sync_folder
from ..data.sealed import write_synced as write_synced
from ..errors import SaveError

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``path`` atomically: write a temporary file, flush it to disk, then rename it.

    Raises:
        SaveError: the disk is full or the folder is not writable; ``path`` is unchanged.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        write_synced(temporary, data)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise save_error(path, error) from error


def save(path: Path, content: bytes, flag: str) -> Path:
    """Write a file of results atomically and return its path; ``flag`` is the option that names another place.

    Raises:
        SaveError: the file cannot be written.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device
            path.write_bytes(content)
        else:
            write_atomically(path, content)
    except (SaveError, OSError) as error:
        reason = getattr(error.__cause__ or error, "strerror", None) or error
        raise SaveError(f"cannot write {path}: {reason}; choose another place with {flag}") from error
    return path


def distinct(name: str, taken: set[str]) -> str:
    """Return ``name``, numbered if it is in ``taken`` (``a.png``, ``a-2.png``), and add it to ``taken``."""
    stem, suffix = os.path.splitext(name)
    numbered = (f"{stem}{f'-{n}' if n > 1 else ''}{suffix}" for n in itertools.count(1))
    free = next(candidate for candidate in numbered if candidate not in taken)
    taken.add(free)
    return free


def save_error(path: Path, error: OSError) -> SaveError:
    """Return the error for a failed write; its message says that earlier files are intact and what to do."""
    if error.errno in FULL:
        remedy = "Free some space or choose another folder"
    elif error.errno in FORBIDDEN:
        remedy = "Make it writable"
    else:
        remedy = "Check the file system"
    return SaveError(
        f"cannot write {path}: {error.strerror or error}; earlier files are intact. "
        f"{remedy}, then continue with: unrolled resume"
    )

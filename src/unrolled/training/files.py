"""Writing files so that a crash, a full disk or a kill never costs what was there before."""

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
    """Write ``path`` whole or not at all: a temporary file, flushed to disk, then renamed over it.

    Raises:
        SaveError: the disk is full or the folder cannot be written; ``path`` is as it was.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        write_synced(temporary, data)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise save_error(path, error) from error


def distinct(name: str, taken: set[str]) -> str:
    """``name``, which then is taken too; with a number if it was taken before: ``a.png``, ``a-2.png``."""
    stem, suffix = os.path.splitext(name)
    free = next(one for n in itertools.count(1) if (one := f"{stem}{f'-{n}' if n > 1 else ''}{suffix}") not in taken)
    taken.add(free)
    return free


def save_error(path: Path, error: OSError) -> SaveError:
    """The error for a failed write, saying what is safe and what to do."""
    if error.errno in FULL:
        remedy = "Free some space or choose another folder"
    elif error.errno in FORBIDDEN:
        remedy = "Make it writable"
    else:
        remedy = "See what has become of it"
    return SaveError(
        f"cannot write {path}: {error.strerror or error}; nothing saved before is lost. "
        f"{remedy}, then go on with: unrolled resume"
    )

"""Compressed tar archives, decompressed once into the cache, so that their members can be read in any order."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import DataError
from .clip_store import digest_of
from .derived import bound, derived

OPENERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys((".gz", ".tgz"), gzip.open),
    **dict.fromkeys((".bz2", ".tbz2"), bz2.open),
    **dict.fromkeys((".xz", ".txz"), lzma.open),
}
BLOCK = 1 << 20
VERSION = 1  # of the entries of the cache


def is_archive(path: Path) -> bool:
    """Return whether a file is a tar archive by its name, compressed or not."""
    name = path.name.lower()
    return name.endswith((".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz"))


def untarred(path: Path) -> Path:
    """Return a tar archive that is not compressed: ``path`` itself, or its content in the cache.

    Raises:
        DataError: it cannot be read, is damaged, or larger than the cache may be.
    """
    opener = OPENERS.get(path.suffix.lower())
    if opener is None:
        return path
    most = bound()

    def write(folder: Path) -> None:
        written = 0
        try:
            with opener(path, "rb") as packed, (folder / "archive.tar").open("wb") as out:
                while block := packed.read(BLOCK):
                    written += len(block)
                    if written > most:
                        raise DataError(
                            f"{path} takes more than the cache may hold, {most / 1e9:.3g} GB, when it is decompressed; "
                            "give the folder or the .tar archive, or a larger UNROLLED_CACHE_SIZE"
                        )
                    out.write(block)
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
            raise DataError(f"{path} is truncated or damaged ({error}); copy it again") from error

    return derived("archive", {"file": digest_of(path), "version": VERSION}, write) / "archive.tar"

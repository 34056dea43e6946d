"""Find, download and verify the files of data sets; their URLs, sizes and SHA-256 are in `published`.

A file is searched in the folder ``UNROLLED_DATA``, then in the cache folder (``UNROLLED_CACHE``, else
``XDG_CACHE_HOME/unrolled``, else ``~/.cache/unrolled``), and is otherwise downloaded to the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from ..checks import checked
from ..errors import ArgumentError, DataError, SaveError, clause, did_you_mean
from .published import NAMED, NamedDataset

TIMEOUT = 30.0  # seconds without a response
_BLOCK = 1 << 18


def cache_folder() -> Path:
    """Return the folder of downloads and derived data."""
    if chosen := os.environ.get("UNROLLED_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "unrolled"


@checked
def fetch(name: str) -> Path:
    """Return the path of a data set file, downloaded if necessary, and verify its SHA-256.

    Raises:
        ArgumentError: the name is unknown.
        DataError: the file can be neither found nor downloaded, or its SHA-256 is wrong.
        SaveError: the download cannot be written to the cache folder.
    """
    if name not in NAMED:
        raise ArgumentError("data set", f"one of {', '.join(NAMED)}{clause(did_you_mean(name, NAMED))}", name)
    dataset = NAMED[name]
    cached = cache_folder() / "datasets" / dataset.path
    if path := present(name):
        _verify(path, dataset, _digest(path), "remove or replace it")
        return path
    if dataset.url is None:
        raise DataError(
            f"data set {name!r} is not on this machine and cannot be downloaded: {dataset.note}; "
            f"to use it by name, put the file at {cached}, or set UNROLLED_DATA"
        )
    _download(dataset, dataset.url, cached)
    return cached


def present(name: str) -> Path | None:
    """Return the path of a data set file, unverified; `None` if it is not on this machine."""
    dataset = NAMED[name]
    paths = [cache_folder() / "datasets" / dataset.path]
    if data := os.environ.get("UNROLLED_DATA"):
        paths.insert(0, Path(data).expanduser() / dataset.path)
    return next((path for path in paths if path.is_file()), None)


def _download(dataset: NamedDataset, url: str, target: Path) -> None:
    """Download and verify ``target``, then rename it atomically."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    except OSError as error:
        raise _write_error(target, error) from error
    temporary, digest, size = Path(name), hashlib.sha256(), 0
    try:
        with os.fdopen(handle, "wb") as file:
            for block in _receive(url, target):
                size += len(block)
                if size > dataset.size:
                    raise DataError(f"{url} is longer than the expected {dataset.size} bytes; it was not used")
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        _verify(
            url,
            dataset,
            digest.hexdigest(),
            "it was not used; try again, or choose other data with --data",
        )
        os.replace(temporary, target)
    except OSError as error:
        raise _write_error(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _receive(url: str, target: Path) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            while block := response.read(_BLOCK):
                yield block
    except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"cannot download {url} ({reason}); download it manually to {target}, or choose other data with --data"
        ) from error


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; change its permissions or copy it") from error


def _verify(source: object, dataset: NamedDataset, digest: str, remedy: str) -> None:
    if digest not in (dataset.sha256, dataset.packed):
        raise DataError(
            f"{source} is not the expected file: its SHA-256 is {digest}, should be {dataset.sha256}; {remedy}"
        )


def _write_error(target: Path, error: OSError) -> SaveError:
    return SaveError(f"cannot write {target}: {error.strerror}; set UNROLLED_CACHE to a writable folder")

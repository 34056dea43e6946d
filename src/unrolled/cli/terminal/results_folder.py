"""The folder of ``--out``: the results of a command as files."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...errors import ArgumentError
from ...results import Part
from ...training.files import distinct
from ...training.files import save as save


class Folder:
    """A folder of results, created if missing.

    Raises:
        ArgumentError: the folder cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: set[str] = set()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError("out", f"a folder that can be created ({error.strerror})", str(path)) from error

    def save(self, name: str, content: bytes) -> Path:
        """Write a file and return its path. Invalid characters in the name become ``_``; a number makes it unique."""
        return save(self.path / distinct(safe(name), self._names), content, "--out")

    def save_parts(self, parts: Iterable[Part], prefix: str = "") -> list[Path]:
        """Write the files of several parts and return their paths."""
        return [self.save(prefix + name, content) for part in parts for name, content in part.files().items()]

    def within(self, name: str) -> Folder:
        """Return a subfolder."""
        return Folder(self.path / safe(name))

    @staticmethod
    def json(values: Any, indent: int | None = 1) -> bytes:
        """Return plain data as the bytes of a JSON file; nan and infinity become null."""
        return (json.dumps(finite(values), indent=indent, ensure_ascii=False) + "\n").encode("utf-8", errors="replace")


def unused(parent: Path, stem: str) -> Path:
    """Return ``parent/stem``, numbered if it exists."""
    names = (stem if n == 1 else f"{stem}-{n}" for n in itertools.count(1))
    return next(path for name in names if not (path := parent / name).exists())


def folder_of(out: str | None) -> Folder | None:
    """Return the folder of ``--out``; `None` if it is not given."""
    return None if out is None else Folder(Path(out).expanduser())


def safe(name: str) -> str:
    """Return a safe file name: without separators, control characters and leading dots."""
    return re.sub(r"[^\w. ()+-]", "_", name).lstrip(".") or "_"


def finite(value: Any) -> Any:
    """Return plain data with nan and infinity replaced by null."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

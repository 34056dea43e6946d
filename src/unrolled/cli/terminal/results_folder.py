"""The folder of ``--out``: everything that a command has to show, as files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, SaveError
from ...results import Part
from ...training.files import distinct, write_atomically


class Folder:
    """A folder of results, made when it is asked for.

    Raises:
        ArgumentError: it cannot be a folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken: set[str] = set()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError("out", f"a folder that can be made ({error.strerror})", str(path)) from error

    def keep(self, name: str, content: bytes) -> Path:
        """Write one file; where it is. Characters that no file's name should have become ``_``, and a number tells it
        from files written before."""
        return save(self.path / distinct(safe(name), self._taken), content, "--out")

    def keep_all(self, parts: Iterable[Part], prefix: str = "") -> list[Path]:
        """Write the files of several parts; where they are."""
        return [self.keep(prefix + name, content) for part in parts for name, content in part.files().items()]

    def within(self, name: str) -> Folder:
        """A folder in this one."""
        return Folder(self.path / safe(name))

    @staticmethod
    def json(values: Any, indent: int | None = 1) -> bytes:
        """Plain data as a JSON file; numbers that JSON lacks become null."""
        return (json.dumps(finite(values), indent=indent, ensure_ascii=False) + "\n").encode("utf-8", errors="replace")


def folder_of(out: str | None) -> Folder | None:
    """The folder that ``--out`` names."""
    return None if out is None else Folder(Path(out).expanduser())


def save(path: Path, content: bytes, flag: str) -> Path:
    """Write a file whole or not at all; its path.

    Raises:
        SaveError: it could not be written.
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


def safe(name: str) -> str:
    """A file's name without separators, control characters and dots at its beginning."""
    return re.sub(r"[^\w. ()+-]", "_", name).lstrip(".") or "_"


def finite(value: Any) -> Any:
    """Plain data without the numbers that JSON lacks (nan, infinity): they become null."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""The error for data that do not exist; it suggests files of the same folder and named data sets with similar names."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

from ..errors import DataError, clause, did_you_mean

MOST = 10_000  # names of a folder that are compared


def exists(spec: str) -> bool:
    """Return whether a path exists; unlike `Path.exists` it accepts names of any length."""
    return os.path.exists(os.path.expanduser(spec))


def missing(kinds: str, spec: str, names: Iterable[str], give: str = "a path") -> DataError:
    """Return the error for data ``spec`` that do not exist.

    Args:
        kinds: what it may have been, such as ``file or named set``.
        spec: the path or name.
        names: the named data sets.
        give: the remedy, besides one of the names.
    """
    names = list(names)
    near = clause(did_you_mean(spec, [*names, *neighbours(spec)]))
    return DataError(f"{kinds} {spec!r} does not exist{near}; give {give}, or one of {', '.join(names)}")


def neighbours(spec: str) -> list[str]:
    """Return the paths of files and folders beside ``spec`` with similar names, spelled as it is."""
    folder, name = os.path.split(spec)
    try:
        found = sorted(os.listdir(os.path.expanduser(folder or ".")))[:MOST]
    except (OSError, ValueError):
        return []
    return [os.path.join(folder, near) for near in difflib.get_close_matches(name, found)]

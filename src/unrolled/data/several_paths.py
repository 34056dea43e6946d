"""Several paths in one option: ``a.tar,b.tar`` or ``books/*.tar``."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import DataError
from .near import exists, missing

MOST = 10_000


def several_paths(spec: str, names: Iterable[str] = (), kinds: str = "file, folder or named set") -> list[Path]:
    """Return the paths that ``spec`` names: one path, several with commas between them, or a pattern.

    A path that exists is not taken apart, so it may contain commas and asterisks.

    Args:
        spec: the option.
        names: the named data sets, for errors.
        kinds: what a path may be, for errors.

    Raises:
        DataError: a path does not exist, nothing matches a pattern, or a path is given twice.
    """
    found = _matches(spec, names, kinds) if "," not in spec or exists(spec) else []
    for part in [] if found else spec.split(","):
        found += _matches(part.strip(), names, kinds)
    resolved = [path.resolve() for path in found]
    if len(found) > MOST:
        raise DataError(f"{spec!r} names {len(found):,} paths, more than {MOST:,}; give a folder instead")
    for number, path in enumerate(resolved):
        if path in resolved[:number]:
            raise DataError(f"{found[number]} is given twice; remove it once")
    return found


def _matches(spec: str, names: Iterable[str], kinds: str) -> list[Path]:
    if spec and exists(spec):
        return [Path(spec).expanduser()]
    found = sorted(glob.glob(os.path.expanduser(spec), recursive=True)) if glob.has_magic(spec) else []
    if not found:
        raise missing(kinds, spec, names)
    return [Path(path) for path in found]

"""A text in the parts training, validation and test: a named one, or files that are named after them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from ..errors import DataError
from .published import NAMED, PARTED
from .registry import cache_folder, fetch, present

PARTS = ("train", "valid", "test")
_NAME = re.compile(r"(?:(?P<set>.+)[._-])?(?P<part>train|valid|test)(?P<end>(?:\.[^.]+)?)")


def named_parts(name: str, notes: list[str]) -> list[Path]:
    """Return the files of a text of `PARTED`; the test part is optional, and ``notes`` say why it is missing.

    Raises:
        DataError: the training or the validation part can be neither found nor downloaded, or a file is damaged.
        SaveError: a download cannot be written.
    """
    assert name in PARTED
    files = [fetch(f"{name}/{part}") for part in PARTS[:2]]
    test = f"{name}/{PARTS[2]}"
    try:
        files.append(fetch(test))
    except DataError:
        if present(test):  # damaged
            raise
        place = cache_folder() / "datasets" / NAMED[test].path
        notes.append(f"no test part: it is not on this machine and cannot be downloaded; to add it, put it at {place}")
    return files


def parts_among(paths: Iterable[Path]) -> list[Path] | None:
    """Return the files of ``paths`` that are the parts of a text, in order; `None` if there are none.

    They are in one folder and are named ``train``, ``valid`` and perhaps ``test``, with the same beginning and the same
    extension: ``train.txt``, ``ptb.valid.txt``, ``wiki.test.tokens``.

    Raises:
        DataError: there are several such sets.
    """
    sets: dict[tuple[object, ...], dict[str, Path]] = defaultdict(dict)
    for path in paths:
        if match := _NAME.fullmatch(path.name):
            sets[path.parent, match["set"], match["end"]][match["part"]] = path
    complete = [found for found in sets.values() if {"train", "valid"} <= found.keys()]
    if not complete:
        return None
    if len(complete) > 1:
        names = ", ".join(sorted(str(found["train"].name) for found in complete))
        raise DataError(
            f"the files have several training parts: {names}; give one set with a pattern such as 'ptb.[tv]*.txt', or "
            "read all files as one text with --parts cut"
        )
    return [complete[0][part] for part in PARTS if part in complete[0]]

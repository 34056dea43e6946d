"""The list of named data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .published import NAMED
from .registry import present


class NamedData(NamedTuple):
    """A named data set, a row of the list of `unrolled data`.

    name     the name, usually also the value of ``--data``
    title    a description
    licence  the licence of its files; empty if it is generated
    bytes    the size of its files; 0 if it is generated
    here     "yes", or how to get it
    data     a value of ``--data`` that uses it, if its name is not one
    """

    name: str
    title: str
    licence: str = ""
    bytes: int = 0
    here: str = "yes"
    data: str = ""


def named_data(name: str, title: str, files: Sequence[str], optional: Sequence[str] = ()) -> NamedData:
    """Return the row of a data set with these files of the registry (see `published.NAMED`); without the ``optional``
    ones it is complete."""
    datasets = [NAMED[file] for file in files]
    missing = [NAMED[file] for file in files if not present(file)]
    downloadable = all(dataset.url for dataset in missing)
    here = "yes" if not missing else "no: downloaded when used" if downloadable else f"no: see unrolled data {name}"
    return NamedData(name, title, datasets[0].licence, sum(NAMED[file].size for file in (*files, *optional)), here)

"""A row of the list of named data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .registry import NAMED, present


class NamedData(NamedTuple):
    """A data set that has a name.

    name     what `unrolled data` calls it: the value of ``--data``, unless ``data`` is given
    title    what it is
    licence  of its files; empty where none are needed
    bytes    of its files; 0 if it is made up as needed
    here     "yes", or how to get it
    data     a value of ``--data`` that uses it, where its name is none
    """

    name: str
    title: str
    licence: str = ""
    bytes: int = 0
    here: str = "yes"
    data: str = ""


def named_data(name: str, title: str, files: Sequence[str]) -> NamedData:
    """The row of a set that is kept in these files (see `registry.NAMED`)."""
    every = [NAMED[file] for file in files]
    missing = [NAMED[file] for file in files if not present(file)]
    urls = all(one.url for one in missing)
    here = "yes" if not missing else "no: downloaded when used" if urls else f"no: see unrolled data {name}"
    return NamedData(name, title, every[0].licence, sum(one.size for one in every), here)

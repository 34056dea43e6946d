"""Two values of each object of a JSON file, by their keys; ``a.b`` is the key "b" of the object under "a"."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, DataError, clause, did_you_mean
from .rows import Column, json_rows, named, numbered, whole_characters
from .textfile import TextFile

LISTED = 20  # keys that a message names
EXACT = 1 << 53  # whole numbers below have a float of their own


def objects(file: TextFile, columns: tuple[Column, Column], example: str) -> Iterator[Any]:
    """What was decided, for a person, then (line, the one value, the other) of each object.

    Raises:
        ArgumentError: both values would be the same.
        DataError: an object has no such key, or neither text nor number there.
    """
    keys: list[str] = []
    for line, row in json_rows(file, example):
        if not keys:
            keys = [_key(file.path, one, columns, row) for one in columns]
            if keys[0] == keys[1]:
                expected = f"another column than the {columns[0].what}'s"
                raise ArgumentError(columns[1].option, expected, columns[1].asked or keys[1], f"keys: {', '.join(row)}")
            yield "objects; " + ", ".join(f"{one.what} under {key!r}" for one, key in zip(columns, keys, strict=True))
        values = (_text(file, line, row, key, one) for one, key in zip(columns, keys, strict=True))
        yield line, *values


def _text(file: TextFile, line: int, row: dict[str, Any], key: str, column: Column) -> str:
    """What stands under a key, as text. Equal numbers are the same label, however they are spelled."""
    value = _under(row, key)
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise DataError(
            f"{file.path}, line {line} has no text or number under {key!r}"
            f"{f', but {value}' if isinstance(value, float) else ''}; its keys are {_listed(row)}"
        )
    if column.what == "label" and isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    return whole_characters(str(value), file.errors, file.path, line)


def _key(path: Path, column: Column, columns: tuple[Column, Column], row: dict[str, Any]) -> str:
    names = list(row)
    for name in [column.asked] if column.asked is not None else column.usual:
        value = _under(row, name)
        if value is not None and (column.asked is not None or not isinstance(value, dict)):
            return name
        if (at := named(name, names, path, column.option)) is not None and not isinstance(row[names[at]], dict):
            return names[at]
    place = numbered(column.asked, names)
    if place is None:
        raise _no_key(path, column, columns, row)
    return names[place]


def _no_key(path: Path, column: Column, columns: tuple[Column, Column], row: dict[str, Any]) -> DataError:
    """The error of a key that is not there; it names those of objects in the object too."""
    what = f"has no column {column.asked!r}" if column.asked is not None else "has none of the usual keys"
    keys = dict(_flat(row))
    near = clause(did_you_mean(column.asked, keys)) if column.asked is not None else ""
    texts = [key for key, value in keys.items() if key not in row and isinstance(value, str)]
    remedy = f"name one with {column.option}"
    if len(texts) == 2 and all(one.asked is None for one in columns):
        remedy = "use " + " ".join(f"{one.option} {key}" for one, key in zip(columns, texts, strict=True))
    return DataError(f"{path} {what}; its keys are {_listed(row)}{near}; {remedy}")


def _listed(row: dict[str, Any]) -> str:
    keys = [key for key, _ in islice(_flat(row), LISTED + 1)]
    return ", ".join(keys[:LISTED]) + (", …" if len(keys) > LISTED else "")


def _flat(row: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every key by its path, and its value, which is no object with keys."""
    for key, value in row.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _under(row: dict[str, Any], key: str) -> Any:
    """What stands under a key, or under a path of keys."""
    if key in row:
        return row[key]
    first, _, rest = key.partition(".")
    inner = row.get(first)
    return _under(inner, rest) if rest and isinstance(inner, dict) else None

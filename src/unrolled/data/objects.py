"""Read two values of each object of a JSON file by their keys; ``a.b`` is the key "b" of the object under "a"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, DataError, clause, did_you_mean
from .rows import Column, choose, json_rows, named, none_usual, numbered, whole_characters
from .textfile import TextFile

LISTED = 20  # keys listed in a message
EXACT = 1 << 53  # smaller integers are exact as floats


def objects(file: TextFile, columns: Sequence[Column], example: str, chosen: list[str]) -> Iterator[Any]:
    """Yield a description of the keys, then (line number, first value, second value) of each object; the keys are
    appended to ``chosen``.

    Raises:
        ArgumentError: both keys are the same.
        DataError: a key is missing, or its value is neither text nor a number.
    """
    keys: list[str] = []
    for line, row in json_rows(file, example):
        if not keys:
            keys = [key_of(file.path, column, columns, row) for column in columns]
            if keys[0] == keys[1]:
                expected = f"different from the column of the {columns[0].role}"
                raise ArgumentError(
                    columns[1].option, expected, columns[1].requested or keys[1], f"keys: {', '.join(row)}"
                )
            chosen.extend(keys)
            yield "objects; " + ", ".join(
                f"{column.role} under {key!r}" for column, key in zip(columns, keys, strict=True)
            )
        values = (_text(file, line, row, key, column) for column, key in zip(columns, keys, strict=True))
        yield line, *values


def _text(file: TextFile, line: int, row: dict[str, Any], key: str, column: Column) -> str:
    """Return the value of a key as text. Equal numbers are the same label: 1.0 is read as "1"."""
    value = value_under(row, key)
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise DataError(
            f"{file.path}, line {line} has no text or number under {key!r}"
            f"{f', but {value}' if isinstance(value, float) else ''}; its keys are {_listed(row)}"
        )
    if column.role == "label" and isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        value = int(value)
    return whole_characters(str(value), file.errors, file.path, line)


def key_of(path: Path, column: Column, columns: Sequence[Column], row: dict[str, Any]) -> str:
    """Return the key of a column in an object.

    Raises:
        DataError: there is none.
    """
    names = list(row)
    for name in [column.requested] if column.requested is not None else column.usual:
        value = value_under(row, name)
        if value is not None and (column.requested is not None or not isinstance(value, dict)):
            return name
        if (at := named(name, names, path, column.option)) is not None and not isinstance(row[names[at]], dict):
            return names[at]
    place = numbered(column.requested, names)
    if place is None:
        raise _no_key(path, column, columns, row)
    return names[place]


def _no_key(path: Path, column: Column, columns: Sequence[Column], row: dict[str, Any]) -> DataError:
    """Return the error for a missing key; it lists the keys, including nested ones."""
    what = f"has no column {column.requested!r}" if column.requested is not None else none_usual(column, "keys")
    keys = dict(_flat(row))
    near = clause(did_you_mean(column.requested, keys)) if column.requested is not None else ""
    texts = [key for key, value in keys.items() if key not in row and isinstance(value, str)]
    remedy = choose(columns)
    if len(columns) == len(texts) == 2 and all(other.requested is None for other in columns):
        remedy = "use " + " ".join(f"{other.option} {key}" for other, key in zip(columns, texts, strict=True))
    return DataError(f"{path} {what}; its keys are {_listed(row)}{near}; {remedy}")


def _listed(row: dict[str, Any]) -> str:
    keys = [key for key, _ in islice(_flat(row), LISTED + 1)]
    return ", ".join(keys[:LISTED]) + (", …" if len(keys) > LISTED else "")


def _flat(row: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every leaf."""
    for key, value in row.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def value_under(row: dict[str, Any], key: str) -> Any:
    """Return the value of a key, or of a path of keys; `None` if missing."""
    if key in row:
        return row[key]
    first, _, rest = key.partition(".")
    inner = row.get(first)
    return value_under(inner, rest) if rest and isinstance(inner, dict) else None

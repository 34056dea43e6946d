"""Data given in Python: lists of rows, columns and data frames, written as files that the tasks read like any other."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...checks import plain
from ...data.labelled import Examples
from ...errors import ArgumentError

Row = dict[str, Any]


def rows_of(name: str, data: Any, keys: tuple[str, ...]) -> Iterator[Row]:
    """Yield each row as a dictionary.

    Args:
        name: the argument's name, for messages.
        data: tuples in the order of ``keys``, dictionaries, a dictionary of columns, or a data frame: any object with
            column names in ``columns`` (pandas, polars) or ``column_names`` (datasets), and columns by name.
        keys: names of the values of a tuple.

    Raises:
        ArgumentError: the data or a row has another form.
    """
    columns = list(data) if isinstance(data, Mapping) else getattr(data, "column_names", getattr(data, "columns", None))
    if columns is not None:
        values = [list(data[column]) for column in columns]
        if len({len(column) for column in values}) > 1:
            lengths = ", ".join(f"{column} {len(v)}" for column, v in zip(columns, values, strict=True))
            raise ArgumentError(name, "columns of the same length", lengths)
        for row in zip(*values, strict=True):
            yield dict(zip(map(str, columns), row, strict=True))
        return
    expected = f"a path, a data frame, or a list of ({', '.join(keys)})"
    if not isinstance(data, Iterable) or isinstance(data, bytes):
        raise ArgumentError(name, expected, data)
    for number, row in enumerate(data):
        row = row.tolist() if hasattr(row, "tolist") else row
        if isinstance(row, Mapping):
            yield {str(key): value for key, value in row.items()}
        elif isinstance(row, tuple | list) and len(row) == len(keys):
            yield dict(zip(keys, row, strict=True))
        else:
            raise ArgumentError(f"{name}[{number}]", f"({', '.join(keys)})", row, _remedy(name, data, keys))


def _remedy(name: str, data: Any, keys: tuple[str, ...]) -> str:
    """Return how to convert two parallel lists, or a list of strings, to rows."""
    if not isinstance(data, list | tuple):
        return ""
    if len(data) == len(keys) and all(isinstance(part, list | tuple) for part in data):
        return f"for parallel lists: {name}=list(zip({', '.join(f'{key}s' for key in keys)}))"
    if data and isinstance(data[0], str):
        return f"each row has {len(keys)} values: {' and '.join(keys)}"
    return ""


def check_order(name: str, data: Any) -> None:
    """Raise `ArgumentError` if rows (text, label) look like (label, text): few texts and many labels."""
    if not isinstance(data, list | tuple) or not all(isinstance(row, list | tuple) and len(row) == 2 for row in data):
        return
    texts, labels = (len({str(row[place]) for row in data}) for place in (0, 1))
    if labels > max(10, len(data) // 2) and texts <= labels // 2:
        remedy = f"{labels:,} different labels and {texts:,} different texts: exchange the two values of each row"
        raise ArgumentError(name, "a list of (text, label)", data[0], remedy)


def write_objects(name: str, data: Any, keys: tuple[str, str], folder: Path) -> Path:
    """Write rows of texts and numbers as JSON Lines, which are read by the rules for files; return the path.

    Raises:
        ArgumentError: there are no rows, or a value of ``keys`` is missing or neither text nor a number.
    """
    path, number = folder / f"{name}.jsonl", -1
    with path.open("w", encoding="ascii", newline="\n") as file:
        for number, row in enumerate(rows_of(name, data, keys)):
            values = {key: _value(value) for key, value in row.items()}
            for key in keys:
                if key in values and values[key] is None:
                    expected = "text or a number; remove rows without it"
                    raise ArgumentError(f"{name}[{number}] ({key})", expected, row[key])
            file.write(json.dumps(values) + "\n")
    if number < 0:
        raise ArgumentError(name, "a list with at least one row", data)
    return path


def _value(value: Any) -> str | int | float | None:
    """Return a value of a row for JSON; `None` for a missing one and for what is neither text nor a number."""
    value = _decoded(plain(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) else None


def _decoded(value: Any) -> Any:
    """Decode bytes as UTF-8; other values, and bytes in another encoding, are returned unchanged."""
    if isinstance(value, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
    return value


def examples_of(name: str, data: Any) -> Examples:
    """Return rows of texts and labels as `Examples`.

    Raises:
        ArgumentError: there are no rows, or a row has another form or no text or label.
    """
    check_order(name, data)
    examples = Examples()
    for number, row in enumerate(rows_of(name, data, ("text", "label"))):
        for key, column in (("text", examples.texts), ("label", examples.labels)):
            value = _value(row.get(key))
            if value is None:
                raise ArgumentError(f"{name}[{number}] ({key})", "text or a number", row.get(key))
            column.append(str(value))
    if not examples.texts:
        raise ArgumentError(name, "a list with at least one row", data)
    return examples


def write_tagged(name: str, data: Any, folder: Path) -> Path:
    """Write rows (words, tags) as a file of one word and its tag per line; return the path.

    Raises:
        ArgumentError: there are no rows, or words and tags are not lists of as many texts without blanks.
    """
    path, count = folder / f"{name}.conll", 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for count, row in enumerate(rows_of(name, data, ("words", "tags")), 1):
            words, tags = (_texts(f"{name}[{count - 1}] ({key})", row.get(key)) for key in ("words", "tags"))
            if len(words) != len(tags):
                expected = f"a list of {len(words)} tags, one for each word"
                raise ArgumentError(f"{name}[{count - 1}] (tags)", expected, tags)
            file.write("".join(f"{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True)) + "\n")
    if not count:
        raise ArgumentError(name, "a list with at least one row", data)
    return path


def _texts(name: str, values: Any) -> list[str]:
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ArgumentError(name, "a list of strings", values)
    texts = [_decoded(value) for value in values]
    for value in texts:
        if not isinstance(value, str) or not value or value.split() != [value]:
            raise ArgumentError(name, "strings without blanks", value)
    return texts


def write_documents(name: str, data: Any, folder: Path, most: int = 10_000) -> Path:
    """Write each text to a file of a new folder, one document each; return the folder.

    Raises:
        ArgumentError: the data are not a list of at most ``most`` texts that contain something.
    """
    expected = "a path, 'text:…', or a list of strings, one for each document"
    if isinstance(data, Mapping | bytes) or not isinstance(data, Iterable):
        raise ArgumentError(name, expected, data)
    texts = [_decoded(text) for text in data]
    if len(texts) > most:
        remedy = "join them with a separator in a file, and name it with separator=…"
        raise ArgumentError(name, f"at most {most:,} documents", len(texts), remedy)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ArgumentError(f"{name}[{number}]", "a string", text)
    if not any(texts):
        raise ArgumentError(name, expected, data)
    target = folder / name
    target.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        if text:
            (target / f"{number:05}.txt").write_text(text, encoding="utf-8", newline="")
    return target

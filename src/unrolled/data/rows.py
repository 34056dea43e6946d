"""Read files of rows: lines, CSV and TSV tables, and JSON objects.

A line ends with ``\\n`` or ``\\r\\n``, with ``\\r`` in a file without ``\\n`` (old Macs, and Excel on them), or with
``\\r\\r\\n``, which results from converting ``\\r\\n`` twice. Other characters at which `str.splitlines` would split,
such as U+2028 and ``\\x0b``, are text.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from ..errors import DataError, clause, did_you_mean
from .dialect import DELIMITERS, Dialect
from .textfile import TextFile, mixed_ends

FORMS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
LONGEST = 1 << 24  # maximum characters per line
LARGEST = 1 << 27  # maximum characters of a JSON array

NUMBER = re.compile(r"\s*[+-]?[0-9]+([.,][0-9]+)*\s*")
"""a number in a cell"""
_PLACE = re.compile("[0-9]{1,9}")
_LINE = re.compile(r"[^\r\n]*+(?:\r{0,2}\n|\r)|[^\r\n]+")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Column:
    """A required column.

    Attributes:
        role: its role in messages, such as "text" or "label".
        option: the option that selects it.
        requested: the given name, key or number (from 1).
        usual: the names to search if none is given.
    """

    role: str
    option: str
    requested: str | None
    usual: tuple[str, ...]


Row = tuple[int, list[str]]  # line number of its start, from 1; cells


def form_by_name(path: Path, otherwise: str) -> str:
    """Return the form for the suffix of a file name, or ``otherwise``."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return FORMS.get(suffixes[-1].lower() if suffixes else "", otherwise)


def lines(file: TextFile, lone_cr: bool = False) -> Iterator[str]:
    """Yield the lines of a file with their ends. With ``lone_cr``, a lone ``\\r`` ends a line even beside ``\\n``."""
    held, known = "", lone_cr
    for text in file.read():
        held += text
        known = known or "\n" in text
        if not known and len(held) > LONGEST and "\r" in held:
            known = lone_cr = True
        if known:
            *whole, held = _cut(held, lone_cr)
            yield from whole
        if len(held) > LONGEST:
            raise DataError(f"{file.path} has a line of over {LONGEST:,} characters; is it the right file?")
    yield from _LINE.findall(held) if lone_cr or not known else filter(None, [held])


def _cut(text: str, lone_cr: bool) -> list[str]:
    """Split text into lines with their ends; the last item is the incomplete rest."""
    if not lone_cr:
        *whole, rest = text.split("\n")
        return [*(line + "\n" for line in whole), rest]
    found: list[str] = _LINE.findall(text)
    if len(found) > 1 and found[-1] == "\r" and not found[-2].endswith("\n"):
        found[-2:] = [found[-2] + "\r"]
    return [*found, ""] if text.endswith("\n") else found or [""]  # a final \r may be part of \r\n or \r\r\n


def without_end(line: str) -> str:
    """Return a line of `lines` without its end."""
    for end in ("\r\r\n", "\r\n", "\n", "\r"):
        if line.endswith(end):
            return line[: -len(end)]
    return line


def rows(file: TextFile, dialect: Dialect, empty: bool = False) -> Iterator[Row]:
    """Yield the rows of a table that have text; with ``empty``, all rows (a blank line is one without cells)."""
    return csv_rows(file, dialect, empty) if dialect.quote else tsv_rows(file, empty)


def csv_rows(file: TextFile, dialect: Dialect = Dialect(), empty: bool = False) -> Iterator[Row]:  # noqa: B008
    """Yield the rows of a CSV file; ``empty``: see `rows`.

    Raises:
        DataError: a row cannot be parsed.
    """
    reader = csv.reader(
        lines(file, lone_cr=True),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        strict=True,
        skipinitialspace=True,
    )
    begin = 1
    try:
        for row in reader:
            if empty or any(row):
                yield begin, row
            begin = reader.line_num + 1  # a quoted field may contain line ends
    except csv.Error as error:
        raise DataError(f"{file.path}, after line {begin - 1}: {error}; is a quote missing?") from None


def tsv_rows(file: TextFile, empty: bool = False) -> Iterator[Row]:
    """Yield the rows of a TSV file; ``empty``: see `rows`. Quotes are text, except around a whole field."""
    for number, line in enumerate(lines(file, lone_cr=_lone_cr_is_even(file)), 1):
        cells = without_end(line)
        row = [_unquoted(field) for field in cells.split("\t")] if cells else []
        if empty or any(row):
            yield number, row


def _lone_cr_is_even(file: TextFile) -> bool:
    """Whether a lone ``\\r`` beside ``\\n`` ends a row of a TSV file, so that all rows have equally many columns.

    Raises:
        DataError: rows have different numbers of columns in either case.
    """
    if not mixed_ends(file):
        return False
    for lone_cr in (True, False):
        if len({line.count("\t") for line in lines(file, lone_cr) if line.strip()}) == 1:
            return lone_cr
    raise DataError(
        f"{file.path} has lines that end with CR and lines that end with LF, and its rows have different numbers of "
        "columns either way; save it with consistent line endings"
    )


def json_rows(file: TextFile, example: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the line numbers and JSON objects of a file with one object per line, or with an array of objects.

    Raises:
        DataError: the file is not JSON, or an item is not an object such as ``example``.
    """
    for number, row in _array(file) if _is_array(file) else _objects(file):
        if not isinstance(row, dict):
            raise DataError(f"{file.path}, line {number} must be an object such as {example}")
        yield number, row


def _is_array(file: TextFile) -> bool:
    return next((text.lstrip()[0] for text in file.read() if text.strip()), "") == "["


def _objects(file: TextFile) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines(file, lone_cr=True), 1):
        if line.strip():
            try:
                yield number, json.loads(line, object_pairs_hook=_once)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{file.path}, line {number} is not JSON: {error}; give one object per line, or an array of objects"
                ) from None


def _array(file: TextFile) -> Iterator[tuple[int, Any]]:
    text = ""
    for part in file.read():
        text += part
        if len(text) > LARGEST:
            raise DataError(f"{file.path} is an array of over {LARGEST:,} characters; give one object per line instead")
    decoder, line, before = json.JSONDecoder(object_pairs_hook=_once), 1, 0
    at = _past(text, text.index("[") + 1)
    while text[at : at + 1] != "]":
        line, before = line + text.count("\n", before, at), at
        try:
            row, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file.path}, line {line} is not an item of a JSON array: {error}") from None
        yield line, row
        at = _past(text, end)
        if text[at : at + 1] not in (",", "]"):
            raise DataError(f"{file.path}, after line {line}: a comma or the end of the JSON array is missing")
        if text[at] == ",":
            at = _past(text, at + 1)
    if text[at + 1 :].strip():
        raise DataError(f"{file.path} has text after the end of its JSON array; give one array, or one object per line")


def _past(text: str, at: int) -> int:
    """Return the position of the first character from ``at`` on that is not white space."""
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with distinct keys; raise `ValueError` for a duplicate key."""
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice in an object")
    return result


def check_width(path: Path, line: int, row: list[str], width: int, spare: bool, dialect: Dialect) -> None:
    """Raise `DataError` unless ``row`` has ``width`` columns; with ``spare``, more columns that are all empty."""
    if len(row) < width or (spare and len(row) == width):
        beside = " and other rows have empty ones after them" if len(row) == width else ""
        raise DataError(
            f"{path}, line {line} has {len(row)} columns, the first row has {width}{beside}; is a quote or a "
            "separator missing?"
        )
    if any(row[width:]) or (len(row) > width and not spare):
        name = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
        remedy = f"put the text in {'single' if dialect.quote == chr(39) else 'double'} quotes"
        if not dialect.quote:
            remedy = "replace them with spaces, or use --delimiter tab --form csv and put the text in quotes"
        raise DataError(
            f"{path}, line {line} has {len(row)} columns, the first row has {width}; are there {name} in a text? "
            f"{remedy}, or give the column separator with --delimiter"
        )


def numbered(requested: str | None, names: list[str]) -> int | None:
    """Return the index (from 0) of a column given by number (from 1); `None` if it is not a number of a column."""
    if requested is None or not _PLACE.fullmatch(requested) or not 1 <= int(requested) <= len(names):
        return None
    return int(requested) - 1


def named(wanted: str, names: list[str], path: Path, option: str) -> int | None:
    """Return the index of a column by name, if necessary ignoring case; `None` if there is none.

    Raises:
        DataError: several columns have this name.
    """
    places = [at for at, name in enumerate(names) if name.strip() == wanted]
    if len(places) != 1:
        places = [at for at, name in enumerate(names) if name.strip().lower() == wanted.lower()]
    if len(places) > 1:
        numbers = " and ".join(str(at + 1) for at in places)
        raise DataError(
            f"{path}: columns {numbers} both have the name {wanted!r}; choose one by number, such as "
            f"{option} {places[0] + 1}"
        )
    return places[0] if places else None


def no_column(
    path: Path, columns: Sequence[Column], column: Column, names: list[str], likely: Mapping[str, Sequence[str]]
) -> DataError:
    """Return the error for a missing column.

    Args:
        path, columns: the file and all required columns.
        column: the missing one.
        names: the names of the file's columns.
        likely: the columns that may have a role, by option.
    """
    requested = column.requested
    what = f"has no column {requested!r}" if requested is not None else none_usual(column, "columns")
    near = clause(did_you_mean(requested, names)) if requested is not None else ""
    given = " ".join(f"{option} {quote(found[0]) if found else 'COLUMN'}" for option, found in likely.items())
    instead = [name for found in likely.values() for name in found[1:]]
    others = f" (or {', '.join(instead)})" if instead else ""
    remedy = f"use {given}{others}" if any(likely.values()) else choose(columns)
    if column.role == "label" and not likely.get(column.option):
        remedy += f", or if the file has no labels, predict them with: unrolled predict RUN --file {quote(str(path))}"
        return DataError(f"{path} {what}; its columns are {', '.join(names)}{near}; {remedy}")
    return DataError(
        f"{path} {what}; its columns are {', '.join(names)}{near}; {remedy}, by number "
        "with --no-header if the first row is not a header"
    )


def none_usual(column: Column, nouns: str) -> str:
    """Return the reason for a missing column whose name is not given: the usual names."""
    return f"has none of the usual {nouns} for the {column.role} ({', '.join(column.usual)})"


def choose(columns: Sequence[Column]) -> str:
    """Return the remedy for a missing column: the options that choose columns."""
    options = " and ".join(column.option for column in columns)
    return f"choose {'them' if len(columns) > 1 else 'one'} with {options}"


def whole_characters(text: str, errors: str, path: Path, line: int) -> str:
    """Return ``text``; raise `DataError`, or apply ``errors``, if it has lone surrogates, which JSON can represent."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        if errors == "strict":
            raise DataError(
                f"{path}, line {line} has {text[error.start]!a}, a lone surrogate; correct it, or use --errors replace"
            ) from None
        return text.encode(errors=errors).decode()
    return text


def _unquoted(field: str) -> str:
    """Return ``field`` without enclosing quotes, if quotes inside it are doubled."""
    inner = field[1:-1].replace('""', "")
    return field[1:-1].replace('""', '"') if len(field) > 1 and field[0] == field[-1] == '"' not in inner else field

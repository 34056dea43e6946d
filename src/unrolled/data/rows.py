"""Files of rows: lines, columns between commas or tabs, and objects.

A line ends with ``\\n`` or ``\\r\\n``, with ``\\r`` in a file without any ``\\n`` (old Macs, and Excel on them), with
``\\r\\r\\n`` where a program ended ``\\r\\n`` once more, and with nothing else: characters such as U+2028 and
``\\x0b``, at which `str.splitlines` would cut, are text.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, clause, did_you_mean
from .dialect import DELIMITERS, Dialect
from .textfile import TextFile, mixed_ends

FORMS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
LONGEST = 1 << 24  # characters of a line
LARGEST = 1 << 27  # characters of a JSON array

_NUMBER = re.compile("[0-9]{1,9}")
_LINE = re.compile(r"[^\r\n]*+(?:\r{0,2}\n|\r)|[^\r\n]+")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Column:
    """A column that is wanted."""

    what: str
    option: str
    asked: str | None
    """its name, key or number (from 1)"""
    usual: tuple[str, ...]
    """the names that it may have unless one is asked for"""


Row = tuple[int, list[str]]  # the line in which it begins, from 1; its columns


def form_by_name(path: Path, otherwise: str) -> str:
    """The form that the name of a file tells."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return FORMS.get(suffixes[-1].lower() if suffixes else "", otherwise)


def lines(file: TextFile, every: bool = False) -> Iterator[str]:
    """Its lines, with their ends. With ``every`` an ``\\r`` ends a line also where others end with ``\\n``."""
    held, known = "", every
    for text in file.read():
        held += text
        known = known or "\n" in text
        if not known and len(held) > LONGEST and "\r" in held:
            known = every = True
        if known:
            *whole, held = _cut(held, every)
            yield from whole
        if len(held) > LONGEST:
            raise DataError(f"{file.path} has a line of over {LONGEST:,} characters; is it the right file?")
    yield from _LINE.findall(held) if every or not known else filter(None, [held])


def _cut(text: str, every: bool) -> list[str]:
    """Its lines with their ends, and what goes on after them."""
    if not every:
        *whole, rest = text.split("\n")
        return [*(line + "\n" for line in whole), rest]
    found: list[str] = _LINE.findall(text)
    if len(found) > 1 and found[-1] == "\r" and not found[-2].endswith("\n"):
        found[-2:] = [found[-2] + "\r"]
    return [*found, ""] if text.endswith("\n") else found or [""]  # what ends with \r may be half of \r\n or \r\r\n


def without_end(line: str) -> str:
    """A line of `lines` without its end."""
    for end in ("\r\r\n", "\r\n", "\n", "\r"):
        if line.endswith(end):
            return line[: -len(end)]
    return line


def rows(file: TextFile, dialect: Dialect) -> Iterator[Row]:
    """The rows of a table but for those that are empty."""
    return csv_rows(file, dialect) if dialect.quote else tsv_rows(file)


def csv_rows(file: TextFile, dialect: Dialect = Dialect()) -> Iterator[Row]:  # noqa: B008
    """Its rows but for those that are empty."""
    reader = csv.reader(
        lines(file, every=True),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        strict=True,
        skipinitialspace=True,
    )
    begin = 1
    try:
        for row in reader:
            if any(row):
                yield begin, row
            begin = reader.line_num + 1  # a field between quotes may have lines
    except csv.Error as error:
        raise DataError(f"{file.path}, after line {begin - 1}: {error}; is a quote missing?") from None


def tsv_rows(file: TextFile) -> Iterator[Row]:
    """Its rows but for those that are empty. Tabs separate, and quotes are text, but for those around a whole field."""
    for number, line in enumerate(lines(file, every=_even_at_returns(file)), 1):
        row = [_unquoted(field) for field in without_end(line).split("\t")]
        if any(row):
            yield number, row


def _even_at_returns(file: TextFile) -> bool:
    """Whether a lone ``\\r`` beside ``\\n`` ends rows of a table between tabs; else it stands in a text.

    Raises:
        DataError: rows have different numbers of columns either way.
    """
    if not mixed_ends(file):
        return False
    for every in (True, False):
        if len({line.count("\t") for line in lines(file, every) if line.strip()}) == 1:
            return every
    raise DataError(
        f"{file.path} has lines that end with CR and lines that end with LF, and its rows have different numbers of "
        "columns either way; save it with one kind of line ends"
    )


def json_rows(file: TextFile, example: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and the objects there, one to a line or all in an array; ``example`` shows what one looks like."""
    for number, row in _array(file) if _is_array(file) else _objects(file):
        if not isinstance(row, dict):
            raise DataError(f"{file.path}, line {number} must be an object such as {example}")
        yield number, row


def _is_array(file: TextFile) -> bool:
    return next((text.lstrip()[0] for text in file.read() if text.strip()), "") == "["


def _objects(file: TextFile) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines(file, every=True), 1):
        if line.strip():
            try:
                yield number, json.loads(line, object_pairs_hook=_once)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{file.path}, line {number} is not JSON: {error}; give an object in each line, or an array of them"
                ) from None


def _array(file: TextFile) -> Iterator[tuple[int, Any]]:
    text = ""
    for part in file.read():
        text += part
        if len(text) > LARGEST:
            raise DataError(f"{file.path} is an array of over {LARGEST:,} characters; give an object per line instead")
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
        raise DataError(f"{file.path} goes on after the end of its JSON array; give one array, or an object per line")


def _past(text: str, at: int) -> int:
    """The place of the first character from ``at`` on that is no white space."""
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are different ones."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in an object")
    return found


def check_width(path: Path, line: int, row: list[str], width: int, spare: bool, dialect: Dialect) -> None:
    """Raise `DataError` unless ``row`` has ``width`` columns, as the first has; with ``spare`` empty ones besides."""
    if len(row) < width or (spare and len(row) == width):
        beside = " and empty ones are beside it elsewhere" if len(row) == width else ""
        raise DataError(
            f"{path}, line {line}: it has {len(row)} columns, the first row has {width}{beside}; is a quote or a "
            "separator missing?"
        )
    if any(row[width:]) or (len(row) > width and not spare):
        name = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
        remedy = f"put {'single' if dialect.quote == chr(39) else 'double'} quotes around such a text"
        if not dialect.quote:
            remedy = "write blanks for them, or use --delimiter tab --form csv with quotes around such a text"
        raise DataError(
            f"{path}, line {line}: it has {len(row)} columns, the first row has {width}; are there {name} in a text? "
            f"{remedy}, or name what separates columns with --delimiter"
        )


def numbered(asked: str | None, names: list[str]) -> int | None:
    """The place (from 0) of the column that ``asked`` numbers (from 1); `None` if it is no number of a column."""
    if asked is None or not _NUMBER.fullmatch(asked) or not 1 <= int(asked) <= len(names):
        return None
    return int(asked) - 1


def named(wanted: str, names: list[str], path: Path, option: str) -> int | None:
    """The place of a column by its name, in upper or lower case; `None` if there is none.

    Raises:
        DataError: there are several.
    """
    places = [at for at, name in enumerate(names) if name.strip() == wanted]
    if len(places) != 1:
        places = [at for at, name in enumerate(names) if name.strip().lower() == wanted.lower()]
    if len(places) > 1:
        numbers = " and ".join(str(at + 1) for at in places)
        raise DataError(
            f"{path}: columns {numbers} are both called {wanted!r}; say which is meant by its number, such as "
            f"{option} {places[0] + 1}"
        )
    return places[0] if places else None


def no_column(path: Path, option: str, asked: str | None, names: list[str]) -> DataError:
    """The error of a column that is not there."""
    what = f"has no column {asked!r}" if asked is not None else "has none of the usual columns"
    near = clause(did_you_mean(asked, names)) if asked is not None else ""
    return DataError(
        f"{path} {what}; its columns are {', '.join(names)}{near}; name one with {option}, or its number "
        "with --no-header if the first row is an example"
    )


def whole_characters(text: str, errors: str, path: Path, line: int) -> str:
    """``text``, or `DataError`: JSON can spell halves of characters (surrogates), which no file or model can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        if errors == "strict":
            raise DataError(
                f"{path}, line {line} has {text[error.start]!a}, which is half a character; correct it, or use "
                "--errors replace"
            ) from None
        return text.encode(errors=errors).decode()
    return text


def _unquoted(field: str) -> str:
    """``field`` without quotes around all of it: those inside must then be doubled."""
    inner = field[1:-1].replace('""', "")
    return field[1:-1].replace('""', '"') if len(field) > 1 and field[0] == field[-1] == '"' not in inner else field

"""Files of rows: lines, columns between commas or tabs, and an object per line.

A line ends with ``\\n`` or ``\\r\\n`` and with nothing else: characters such as U+2028 and ``\\x0b``, at which
`str.splitlines` would cut, are text. A byte order mark is left out.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DataError, did_you_mean
from .textfile import TextFile

FORMS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
LONGEST = 1 << 24  # characters of a line or field

_NUMBER = re.compile("[0-9]{1,9}")

csv.field_size_limit(LONGEST)

Row = tuple[int, list[str]]  # the line in which it begins, from 1; its columns


def form_by_name(path: Path, otherwise: str) -> str:
    """The form that the name of a file tells."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return FORMS.get(suffixes[-1].lower() if suffixes else "", otherwise)


def lines(file: TextFile) -> Iterator[str]:
    """Its lines, with their ends."""
    held, begun = "", False
    for text in file.read():
        held += text if begun else text.removeprefix("\ufeff")
        begun = True
        *whole, held = held.split("\n")
        if len(held) > LONGEST:
            raise DataError(f"{file.path} has a line of over {LONGEST:,} characters; is it the right file?")
        for line in whole:
            yield line + "\n"
    if held:
        yield held


def without_end(line: str) -> str:
    """A line of `lines` without its end."""
    return line.removesuffix("\r\n") if line.endswith("\r\n") else line.removesuffix("\n")


def csv_rows(file: TextFile) -> Iterator[Row]:
    """Its rows but for those that are empty."""
    reader, begin = csv.reader(lines(file), strict=True, skipinitialspace=True), 1
    try:
        for row in reader:
            if any(row):
                yield begin, row
            begin = reader.line_num + 1  # a field between quotes may have lines
    except csv.Error as error:
        raise DataError(f"{file.path}, after line {begin - 1}: {error}; is a quote missing?") from None


def tsv_rows(file: TextFile) -> Iterator[Row]:
    """Its rows but for those that are empty. Tabs separate, and quotes are text, but for those around a whole field."""
    for number, line in enumerate(lines(file), 1):
        row = [_unquoted(field) for field in without_end(line).split("\t")]
        if any(row):
            yield number, row


def json_rows(file: TextFile, example: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and the objects there; ``example`` shows in errors what one looks like."""
    for number, line in enumerate(lines(file), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file.path}, line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DataError(f"{file.path}, line {number} must be an object such as {example}")
        yield number, row


def check_width(path: Path, line: int, row: list[str], width: int, needed: int) -> None:
    """Raise `DataError` unless ``row`` has ``needed`` columns; the first row has ``width``."""
    if len(row) < needed:
        raise DataError(
            f"{path}, line {line}: it has {len(row)} columns, the first row has {width}; is a quote or a separator "
            "missing?"
        )


def numbered(asked: str | None, names: list[str]) -> int | None:
    """The place (from 0) of the column that ``asked`` numbers (from 1); `None` if it is no number of a column."""
    if asked is None or not _NUMBER.fullmatch(asked) or not 1 <= int(asked) <= len(names):
        return None
    return int(asked) - 1


def named(wanted: str, names: list[str]) -> int | None:
    """The place of a column by its name, in upper or lower case; `None` if there is none."""
    lower = [name.strip().lower() for name in names]
    return lower.index(wanted.lower()) if wanted.lower() in lower else None


def no_column(path: Path, option: str, asked: str | None, names: list[str]) -> DataError:
    """The error of a column that is not there."""
    what = f"has no column {asked!r}" if asked is not None else "has none of the usual columns"
    near = did_you_mean(asked, names) if asked is not None else ""
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

"""Detect the dialect of a table: column separator and quote character.

Each dialect is tried on the beginning of the file. A dialect whose first row has the required columns ranks highest,
then one whose rows all have the same number of columns. Ties are broken in favor of the file name suffix.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArgumentError, DataError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
NAMES = {"tab": "\t"}  # names of delimiters that are hard to type
CLEARLY = 5  # rows that must fit two delimiters to be ambiguous

csv.field_size_limit(1 << 24)


@dataclass(frozen=True)
class Dialect:
    """Separator and quote character. An empty ``quote`` is plain TSV: no tabs in texts, and quotes are text, except
    around a whole field."""

    delimiter: str = ","
    quote: str = '"'

    def __str__(self) -> str:
        quotes = ", texts in single quotes" if self.quote == "'" else ""
        return f"columns separated by {DELIMITERS.get(self.delimiter, repr(self.delimiter))}{quotes}"


def check_delimiter(delimiter: str) -> None:
    """Raise ArgumentError unless ``delimiter`` is auto, a name or a character that can separate columns."""
    if delimiter not in ("auto", *NAMES) and (len(delimiter) != 1 or delimiter.isalnum() or delimiter in "\"'\r\n "):
        raise ArgumentError("delimiter", "auto, tab or one character such as ;", delimiter)


def detect(
    path: Path, sample: str, whole: bool, form: str, requested: str, has_columns: Callable[[list[str]], bool] | None
) -> Dialect:
    """Detect the dialect of a table.

    Args:
        path: the file name for messages.
        sample: the beginning of the file.
        whole: whether the sample is the whole file.
        form: "csv" or "tsv"; its usual delimiter is preferred.
        requested: the delimiter, or "auto".
        has_columns: whether a header row has the required columns; `None`: there is no header.

    Raises:
        DataError: the delimiter is ambiguous.
    """
    usual = "\t" if form == "tsv" else ","
    if requested != "auto":
        delimiter = NAMES.get(requested, requested)
        return _best(sample, whole, delimiter, form, has_columns)[1]
    ranked = {mark: _best(sample, whole, mark, form, has_columns) for mark in (usual, *(set(DELIMITERS) - {usual}))}
    minimum = 3 if form == "tsv" else 1  # lines of text have commas too
    fitting = {mark: rank for mark, (rank, _, _) in ranked.items() if mark == usual or rank >= minimum}
    best = max(fitting.values())
    candidates = [mark for mark, rank in fitting.items() if rank == best]
    rows = min(ranked[mark][2] for mark in candidates)
    if len(candidates) > 1 and rows >= CLEARLY and (best == 4 or (best == 2 and has_columns is None)):
        names = " or by ".join(DELIMITERS[mark] for mark in candidates)
        flags = " or ".join(f"--delimiter {'tab' if mark == chr(9) else repr(mark)}" for mark in candidates)
        raise DataError(f"the columns of {path} may be separated by {names}: choose with {flags}")
    return ranked[candidates[0]][1]


def _best(
    sample: str, whole: bool, delimiter: str, form: str, has_columns: Callable[[list[str]], bool] | None
) -> tuple[int, Dialect, int]:
    """Return the rank of a delimiter with its best quote character, the dialect, and the number of rows examined."""
    if delimiter == "\t" and form == "tsv":
        cut = [line.split("\t") for line in re.split(r"\r\n|\n|\r", sample) if line.strip()]
        rank, count = _rank(cut if whole else cut[:-1], True, has_columns)
        return rank, Dialect("\t", ""), count
    double, single = Dialect(delimiter), Dialect(delimiter, "'")
    rank, count = _rank(*_rows(sample, whole, double), has_columns)
    clean, sure = _single_quotes(sample, delimiter)
    if clean:
        other, others = _rank(*_rows(sample, whole, single), has_columns)
        if other > rank or (other == rank and sure):
            return other, single, others
    if delimiter == "\t":  # quotes that are text, as in TSV
        as_text = _best(sample, whole, delimiter, "tsv", has_columns)
        return as_text if as_text[0] > rank else (rank, double, count)
    return rank, double, count


def _rows(sample: str, whole: bool, dialect: Dialect) -> tuple[list[list[str]], bool]:
    """Return the nonempty rows of a sample, without a truncated last row, and whether all of it can be parsed."""
    lines = io.StringIO(sample, newline="")
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True, skipinitialspace=True)
    rows: list[list[str]] = []
    try:
        rows += filter(any, reader)
    except csv.Error as error:
        return rows, not whole and "unexpected end" in str(error)
    return (rows if whole else rows[:-1]), True


def _rank(rows: list[list[str]], readable: bool, has_columns: Callable[[list[str]], bool] | None) -> tuple[int, int]:
    """Return a rank, from 0 (does not fit) to 4 (all rows have the required columns), and the number of rows."""
    if not rows or len(rows[0]) < 2:
        return 0, 0
    even = readable and all(len(row) == len(rows[0]) for row in rows)
    return 1 + even + 2 * (has_columns is not None and has_columns(rows[0])), len(rows)


def _single_quotes(sample: str, delimiter: str) -> tuple[bool, bool]:
    """Return whether all single quotes enclose fields, and whether they are certainly quotes: one is doubled, they
    enclose a delimiter or line end, or all fields except numbers are quoted."""
    if "'" not in sample:
        return False, False
    edge = re.escape(delimiter) + r"\r\n"
    field = rf"(?<![^{edge}])'((?:[^']|'')*+)'(?![^{edge}])"
    inside = re.findall(field, sample)
    rest = re.sub(field, "", sample)
    if not inside or "'" in rest:
        return False, False
    needed = any("''" in text or re.search(f"[{edge}]", text) for text in inside)
    return True, needed or all(re.fullmatch(r"[\d.,+-]*", cell) for cell in re.split(f"[{edge}]", rest))


def begins_with_blanks(sample: str, dialect: Dialect) -> bool:
    """Whether cells after the first begin with a space in other rows but not in the first row: then the delimiter also
    occurs in texts."""
    quotes = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    first, *others = csv.reader(io.StringIO(sample, newline=""), delimiter=dialect.delimiter, **quotes)
    blank = [any(cell.startswith(" ") for cell in row[1:]) for row in (first, *others)]
    return any(blank[1:]) and not blank[0]

"""How the rows of a table are written: what separates columns, and what stands around a text that has such a character.

Whoever wrote the file is not asked. Each way is tried on the beginning: one in which the first row has the columns that
are wanted is best, then one in which all rows have the same number of columns. The kind that the file's name tells wins
if it is as good as the others.
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
NAMES = {"tab": "\t"}  # of delimiters that cannot be typed
CLEARLY = 5  # rows that two delimiters must fit before neither is taken

csv.field_size_limit(1 << 24)


@dataclass(frozen=True)
class Dialect:
    """``quote`` is empty for TSV as most write it: a tab never stands in a text, and quotes are text, but for those
    around a whole field."""

    delimiter: str = ","
    quote: str = '"'

    def __str__(self) -> str:
        quotes = ", single quotes around texts" if self.quote == "'" else ""
        return f"columns between {DELIMITERS.get(self.delimiter, repr(self.delimiter))}{quotes}"


def check_delimiter(delimiter: str) -> None:
    """Raise ArgumentError unless it is auto, a name or one character that can separate columns."""
    if delimiter not in ("auto", *NAMES) and (len(delimiter) != 1 or delimiter.isalnum() or delimiter in "\"'\r\n "):
        raise ArgumentError("delimiter", "auto, tab or one character such as ;", delimiter)


def detect(
    path: Path, sample: str, whole: bool, form: str, asked: str, wanted: Callable[[list[str]], bool] | None
) -> Dialect:
    """The dialect of a table.

    Args:
        path: for messages.
        sample: its beginning; ``whole``: there is no more.
        form: "csv" or "tsv", which tells the delimiter in doubt.
        asked: the delimiter, or "auto".
        wanted: whether a first row has the columns that are wanted, by name; `None`: there are no names.

    Raises:
        DataError: two delimiters fit as well as each other.
    """
    usual = "\t" if form == "tsv" else ","
    if asked != "auto":
        delimiter = NAMES.get(asked, asked)
        return _best(sample, whole, delimiter, form, wanted)[1]
    found = {one: _best(sample, whole, one, form, wanted) for one in (usual, *(set(DELIMITERS) - {usual}))}
    least = 3 if form == "tsv" else 1  # lines of text have commas too
    fitting = {one: rank for one, (rank, _, _) in found.items() if one == usual or rank >= least}
    best = max(fitting.values())
    several = [one for one, rank in fitting.items() if rank == best]
    rows = min(found[one][2] for one in several)
    if len(several) > 1 and rows >= CLEARLY and (best == 4 or (best == 2 and wanted is None)):
        either = " or by ".join(DELIMITERS[one] for one in several)
        named = " or ".join(f"--delimiter {'tab' if one == chr(9) else repr(one)}" for one in several)
        raise DataError(f"the columns of {path} may be separated by {either}: say which with {named}")
    return found[several[0]][1]


def _best(
    sample: str, whole: bool, delimiter: str, form: str, wanted: Callable[[list[str]], bool] | None
) -> tuple[int, Dialect, int]:
    """How well a delimiter fits with its better quotes, these, and the number of rows looked at."""
    if delimiter == "\t" and form == "tsv":
        cut = [line.split("\t") for line in re.split(r"\r\n|\n|\r", sample) if line.strip()]
        rank, count = _rank(cut if whole else cut[:-1], True, wanted)
        return rank, Dialect("\t", ""), count
    double, single = Dialect(delimiter), Dialect(delimiter, "'")
    rank, count = _rank(*_rows(sample, whole, double), wanted)
    clean, sure = _single_quotes(sample, delimiter)
    if clean:
        other, others = _rank(*_rows(sample, whole, single), wanted)
        if other > rank or (other == rank and sure):
            return other, single, others
    if delimiter == "\t":  # quotes that are text, as in TSV
        as_text = _best(sample, whole, delimiter, "tsv", wanted)
        return as_text if as_text[0] > rank else (rank, double, count)
    return rank, double, count


def _rows(sample: str, whole: bool, dialect: Dialect) -> tuple[list[list[str]], bool]:
    """The rows of a sample but for empty ones and one that is cut off, and whether all of it can be read so."""
    lines = io.StringIO(sample, newline="")
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True, skipinitialspace=True)
    rows: list[list[str]] = []
    try:
        rows += filter(any, reader)
    except csv.Error as error:
        return rows, not whole and "unexpected end" in str(error)
    return (rows if whole else rows[:-1]), True


def _rank(rows: list[list[str]], readable: bool, wanted: Callable[[list[str]], bool] | None) -> tuple[int, int]:
    """From 0, it is not this, to 4, the wanted columns are there in every row; and the number of rows."""
    if not rows or len(rows[0]) < 2:
        return 0, 0
    even = readable and all(len(row) == len(rows[0]) for row in rows)
    return 1 + even + 2 * (wanted is not None and wanted(rows[0])), len(rows)


def _single_quotes(sample: str, delimiter: str) -> tuple[bool, bool]:
    """Whether every single quote belongs to a field between two, and whether something proves that these are quotes:
    one is doubled, what separates fields or lines stands between them, or they are around all that is no number."""
    if "'" not in sample:
        return False, False
    edge = re.escape(delimiter) + r"\r\n"
    field = rf"(?<![^{edge}])'((?:[^']|'')*+)'(?![^{edge}])"
    inside = re.findall(field, sample)
    rest = re.sub(field, "", sample)
    if not inside or "'" in rest:
        return False, False
    needed = any("''" in one or re.search(f"[{edge}]", one) for one in inside)
    return True, needed or all(re.fullmatch(r"[\d.,+-]*", cell) for cell in re.split(f"[{edge}]", rest))


def begins_with_blanks(sample: str, dialect: Dialect) -> bool:
    """Whether columns after the first begin with a blank, as none does in the first row: what separates them stands in
    texts as well."""
    quotes = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    first, *others = csv.reader(io.StringIO(sample, newline=""), delimiter=dialect.delimiter, **quotes)
    blank = [any(cell.startswith(" ") for cell in row[1:]) for row in (first, *others)]
    return any(blank[1:]) and not blank[0]

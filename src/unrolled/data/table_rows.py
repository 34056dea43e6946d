"""Open a CSV or TSV file: detect its dialect, and read its rows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .dialect import Dialect, begins_with_blanks, detect
from .rows import Row, check_width, rows
from .textfile import TextFile

LOOKED_AT = 100  # rows examined to detect numeric columns

_SEP = re.compile("sep=([^a-zA-Z0-9\"'])(\r\n|\n|\r)", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """The rows of a CSV or TSV file.

    Attributes:
        sample: the beginning of the file.
        begin: the first rows.
        remaining: the rows after them.
        first: the cells of the first row, without surrounding white space.
    """

    path: Path
    dialect: Dialect
    sample: str
    begin: list[Row]
    remaining: Iterator[Row]

    @property
    def first(self) -> list[str]:
        return [name.strip() for name in self.begin[0][1]]

    def described(self, header: bool) -> str:
        """Return a description of the dialect."""
        return f"{self.dialect}; empty last column ignored" if self._spare(header) else str(self.dialect)

    def body(self, header: bool) -> Iterator[Row]:
        """Yield the rows after the header.

        Raises:
            DataError: a row has another number of columns than the first.
        """
        spare, width = self._spare(header), len(self.begin[0][1])
        for line, row in itertools.chain(self.begin[header:], self.remaining):
            if not row and width > 1:  # a blank line
                continue
            cells = row or [""]
            check_width(self.path, line, cells, width, spare, self.dialect)
            yield line, cells

    def _spare(self, header: bool) -> bool:
        """Whether all rows but the header have an empty last column."""
        body, width = [row for _, row in self.begin[header:] if row], len(self.begin[0][1])
        spare = header and bool(body) and all(len(row) > width and not any(row[width:]) for row in body)
        return spare and not begins_with_blanks(self.sample, self.dialect)


def open_rows(
    file: TextFile,
    form: str,
    delimiter: str,
    has_columns: Callable[[list[str]], bool] | None,
    *,
    empty: bool = False,
) -> Rows | None:
    """Detect the dialect of a table and open it; `None` for an empty file.

    Args:
        file, form, delimiter, has_columns: see `dialect.detect`.
        empty: whether to include rows without text.

    Raises:
        DataError: the dialect is ambiguous, or the file cannot be read.
    """
    sample = next(file.read(), "")
    whole = sum(1 for _ in itertools.islice(file.read(), 2)) < 2
    declared = _SEP.match(sample)  # Excel's first line, which declares the separator
    delimiter = declared[1] if declared and delimiter == "auto" else delimiter
    sample = sample[declared.end() if declared else 0 :]
    dialect = detect(file.path, sample, whole, form, delimiter, has_columns)
    remaining = rows(file, dialect, empty)
    if declared:
        next(remaining)
    begin = list(itertools.islice(itertools.dropwhile(lambda row: not any(row[1]), remaining), LOOKED_AT))
    return Rows(file.path, dialect, sample, begin, remaining) if begin else None

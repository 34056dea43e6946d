"""Two columns of a table: CSV, TSV or other columns, or objects of JSON by key. What was decided is told."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import ArgumentError, DataError
from .dialect import Dialect, begins_with_blanks, detect
from .objects import objects
from .rows import Column, check_width, named, no_column, numbered, rows
from .textfile import TextFile, ends_of

LOOKED_AT = 100  # rows, for columns of numbers
SWALLOWED = 5  # rows between quotes that are more than chance
_NUMBER = re.compile(r"\s*[+-]?[0-9]+([.,][0-9]+)*\s*")

_SEP = re.compile("sep=([^a-zA-Z0-9\"'])(\r\n|\n|\r)", re.IGNORECASE)

Found = Iterator[tuple[int, str, str]]  # line, what stands in the first column, what in the second


@dataclass(frozen=True)
class Table:
    """A file with two columns that are wanted.

    ``header``: whether the first row names the columns; `None`: if they are asked for by name or have usual names.
    ``positions``: where nothing is asked and nothing has a usual name, the first two columns are meant.
    """

    file: TextFile
    form: str
    columns: tuple[Column, Column]
    header: bool | None
    delimiter: str
    positions: bool
    example: str
    notes: list[str] = field(default_factory=list)
    """what was odd, for a person, once all rows have been read"""

    def read(self) -> tuple[str, Found]:
        """What was decided, for a person, and the rows.

        Raises:
            ArgumentError: a column that is asked for cannot be.
            DataError: the file cannot be read, or does not have the columns.
        """
        found = objects(self.file, self.columns, self.example) if self.form == "jsonl" else self._rows()
        how = next(found, "nothing in it")
        assert isinstance(how, str)
        return how + ends_of(self.file), found

    def _rows(self) -> Iterator[Any]:
        sample = next(self.file.read(), "")
        whole = sum(1 for _ in itertools.islice(self.file.read(), 2)) < 2
        wanted = None if self.header is False else self._names
        said = _SEP.match(sample)  # Excel's first line, which says what separates columns
        asked = said[1] if said and self.delimiter == "auto" else self.delimiter
        sample = sample[said.end() if said else 0 :]
        dialect = detect(self.file.path, sample, whole, self.form, asked, wanted)
        every = rows(self.file, dialect)
        if said:
            next(every)
        begin = list(itertools.islice(every, LOOKED_AT))
        if not begin:
            return
        first = [name.strip() for name in begin[0][1]]
        places, header = self._which(first, [row for _, row in begin])
        width, body = len(first), [row for _, row in begin[header:]]
        spare = header and bool(body) and all(len(row) > width and not any(row[width:]) for row in body)
        spare = spare and not begins_with_blanks(sample, dialect)
        how = f"{dialect}; an empty column at the end is left out" if spare else str(dialect)
        yield self._told(how, places, first if header else None)
        for line, row in itertools.chain(begin[header:], every):
            check_width(self.file.path, line, row, width, spare, dialect)
            self._look_for_rows(line, row, dialect)
            yield line, row[places[0]], row[places[1]]

    def _look_for_rows(self, line: int, row: list[str], dialect: Dialect) -> None:
        """Note the first cell that has rows in it: two stray quotes hide all that stands between them."""
        for cell in row if dialect.quote and not self.notes else ():
            inner = re.split(r"\r\n|\n|\r", cell)[1:-1] if "\n" in cell or "\r" in cell else []
            alike = sum(one.count(dialect.delimiter) == len(row) - 1 for one in inner)
            if alike > SWALLOWED and 2 * alike > len(inner):
                self.notes.append(
                    f"{self.file.path}, line {line}: {len(inner):,} lines that look like rows stand between two "
                    "quotes; is a quote missing, or one too many?"
                )

    def _told(self, how: str, places: tuple[int, int], names: list[str] | None) -> str:
        each = (
            f"{column.what} from column {at + 1}{f' ({names[at]})' if names else ''}"
            for column, at in zip(self.columns, places, strict=True)
        )
        return f"{how}; {'with a' if names else 'no'} header; {', '.join(each)}"

    def _names(self, row: list[str]) -> bool:
        """Whether a first row has the columns that are wanted by name."""
        lower = {name.strip().lower() for name in row}
        by_name = [{one.asked.lower()} if one.asked is not None else set(one.usual) for one in self.columns]
        by_number = [self.header and numbered(one.asked, row) is not None for one in self.columns]
        return all(one & lower or number for one, number in zip(by_name, by_number, strict=True))

    def _which(self, names: list[str], begin: list[list[str]]) -> tuple[tuple[int, int], bool]:
        """The places (from 0) of both columns by the first row, and whether that row is a header."""
        path, header = self.file.path, self.header
        asked = [one.asked for one in self.columns]
        nothing = asked == [None, None]
        if len(names) < 2:
            remedy = "say what separates columns with --delimiter"
            if self.positions:
                remedy = "give a file with source and target in each row, or the targets as well, with --target"
            raise DataError(f"{path} has one column only, {names[0][:60]!r}; {remedy}")
        usual = [None if header is False else self._usual(one, names) for one in self.columns]
        if header is None:
            by_name = any(one is not None and not one.isdecimal() for one in asked)
            header = by_name or (nothing and None not in usual)
            if self.form == "csv" and nothing and not header:
                raise DataError(
                    f"{path} has none of the usual columns; its first row is {', '.join(names)}; name columns with "
                    f"{self.columns[0].option} and {self.columns[1].option}, or use --no-header if that row is a pair"
                )
        by_place = self.positions and nothing and None in usual
        header = header or (self.header is None and by_place and self._named_numbers(begin))
        default = self._texts(names, begin[header:]) if by_place else (0, 1)
        found = []
        for side, one in enumerate(self.columns):
            at = numbered(one.asked, names)
            if by_place or (self.positions and not header and one.asked is None):
                at = default[side]
            elif header:
                there = usual[side] if one.asked is None else named(one.asked, names, path, one.option)
                at = at if there is None else there
                if at is None:
                    raise no_column(path, one.option, one.asked, names)
            elif at is None:
                expected = f"a number from 1 to {len(names)} where there is no header"
                raise ArgumentError(one.option, expected, one.asked, f"first row: {names}")
            found.append(at)
        self._check_different(found[0] == found[1], names[found[1]], names)
        return (found[0], found[1]), header

    def _usual(self, column: Column, names: list[str]) -> int | None:
        """The place of a column with a usual name, unless it is asked for by another."""
        if column.asked is not None:
            return None
        every = (named(name, names, self.file.path, column.option) for name in column.usual)
        return next((at for at in every if at is not None), None)

    def _named_numbers(self, begin: list[list[str]]) -> bool:
        """Whether the first row alone has no number in a column of numbers, beside the two of texts: it names them."""
        first, *others = begin
        below = [self._numbers(row, len(first)) for row in others]
        numbers = [len(below) > 1 and all(column) for column in zip(*below, strict=True)]
        names = [cell for cell, below_it in zip(first, numbers, strict=False) if below_it]
        return numbers.count(False) > 1 and any(name.strip() and not _NUMBER.fullmatch(name) for name in names)

    @staticmethod
    def _numbers(row: list[str], width: int) -> list[bool]:
        """Whether each cell is a number; one that is missing can be."""
        return [at >= len(row) or _NUMBER.fullmatch(row[at]) is not None for at in range(width)]

    def _texts(self, names: list[str], examples: list[list[str]]) -> tuple[int, int]:
        """The first two columns, or the second and the fourth where the others number them.

        Raises:
            DataError: one of the first two has numbers only, and there are others: it is no text then.
        """
        numbers = [all(column) for column in zip(*(self._numbers(row, len(names)) for row in examples), strict=True)]
        if numbers == [True, False, True, False]:  # as Tatoeba exports pairs
            return 1, 3
        if len(names) > 2 and any(numbers[:2]) and not all(numbers):
            raise DataError(
                f"column {numbers.index(True) + 1} of {self.file.path} has numbers only; its first row is "
                f"{', '.join(name[:40] for name in names)}; say where the texts are with {self.columns[0].option} and "
                f"{self.columns[1].option}, such as {self.columns[0].option} {numbers.index(False) + 1}"
            )
        return 0, 1

    def _check_different(self, same: bool, name: str, names: list[str]) -> None:
        if same:
            first, second = self.columns
            expected = f"another column than the {first.what}'s"
            raise ArgumentError(second.option, expected, second.asked or name, f"columns: {names}")

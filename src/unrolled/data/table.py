"""Read two columns of a CSV or TSV table or of JSON objects, and describe the detected format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..errors import ArgumentError, DataError
from .dialect import Dialect
from .guessed_columns import EXAMINED, candidates
from .objects import objects
from .rows import NUMBER, Column, choose, named, no_column, numbered, rows
from .table_rows import open_rows
from .textfile import TextFile, ends_of

SWALLOWED = 5  # maximum row-like lines in a quoted cell without a warning

Found = Iterator[tuple[int, str, str]]  # line number, first cell, second cell


@dataclass(frozen=True)
class Table:
    """A file with two required columns.

    Attributes:
        header: whether the first row is a header; `None`: if columns are given by name, or it has usual names.
        positions: whether to use the first two columns if none are given and there are no usual names.
    """

    file: TextFile
    form: str
    columns: tuple[Column, Column]
    header: bool | None
    delimiter: str
    positions: bool
    example: str
    notes: list[str] = field(default_factory=list)
    """warnings for the user, complete after all rows have been read"""
    guessed: dict[str, str] = field(default_factory=dict)
    """names of the columns that were guessed from their contents, by option"""
    chosen: list[str] = field(default_factory=list)
    """names of both columns, if they have names"""

    def read(self) -> tuple[str, Found]:
        """Return a description of the format, and the rows.

        Raises:
            ArgumentError: a given column is invalid.
            DataError: the file cannot be read, or does not have the columns.
        """
        read_objects = self.form == "jsonl"
        parsed = objects(self.file, self.columns, self.example, self.chosen) if read_objects else self._rows()
        how = next(parsed, "an empty file")
        assert isinstance(how, str)
        return how + ends_of(self.file), parsed

    def _rows(self) -> Iterator[Any]:
        has_columns = None if self.header is False else self._has_columns
        table = open_rows(self.file, self.form, self.delimiter, has_columns)
        if table is None:
            return
        indices, header = self._select(table.first, [row for _, row in table.begin], table.dialect)
        self.chosen.extend([table.first[at] for at in indices] if header else [])
        yield self._describe(table.described(header), indices, table.first if header else None)
        for line, row in table.body(header):
            self._check_quotes(line, row, table.dialect)
            yield line, row[indices[0]], row[indices[1]]

    def _check_quotes(self, line: int, row: list[str], dialect: Dialect) -> None:
        """Warn about the first cell that contains rows: two stray quotes enclose all rows between them."""
        for cell in row if dialect.quote and not self.notes else ():
            inner = re.split(r"\r\n|\n|\r", cell)[1:-1] if "\n" in cell or "\r" in cell else []
            alike = sum(text.count(dialect.delimiter) == len(row) - 1 for text in inner)
            if alike > SWALLOWED and 2 * alike > len(inner):
                self.notes.append(
                    f"{self.file.path}, line {line}: {len(inner):,} lines that look like rows are inside one quoted "
                    "cell; is a quote missing or redundant?"
                )

    def _describe(self, how: str, indices: tuple[int, int], names: list[str] | None) -> str:
        selected = (
            f"{column.role} from column {at + 1}{f' ({names[at]})' if names else ''}"
            for column, at in zip(self.columns, indices, strict=True)
        )
        guess = ""
        if self.guessed:
            single = len(self.guessed) == 1
            options = " and ".join(self.guessed)
            what = next(column.role for column in self.columns if column.option in self.guessed) if single else "both"
            guess = f", {what} guessed from {'its' if single else 'their'} contents ({options} override{'s' * single})"
        return f"{how}; {'with a' if names else 'no'} header; {', '.join(selected)}{guess}"

    def _has_columns(self, row: list[str]) -> bool:
        """Whether a header row has the required columns."""
        lower = {name.strip().lower() for name in row}
        by_name = [
            {column.requested.lower()} if column.requested is not None else set(column.usual) for column in self.columns
        ]
        by_number = [self.header and numbered(column.requested, row) is not None for column in self.columns]
        return all(names & lower or number for names, number in zip(by_name, by_number, strict=True))

    def _select(self, names: list[str], begin: list[list[str]], dialect: Dialect) -> tuple[tuple[int, int], bool]:
        """Return the indices (from 0) of both columns, and whether the first row is a header."""
        path, header = self.file.path, self.header
        requested = [column.requested for column in self.columns]
        unspecified = requested == [None, None]
        if len(names) < 2:
            remedy = "give the column separator with --delimiter"
            if self.positions:
                remedy = "give a file with source and target in each row, or a second file with --target"
            raise DataError(f"{path} has only one column, {names[0][:60]!r}; {remedy}")
        usual = [None if header is False else self._usual(column, names) for column in self.columns]
        if header is None:
            by_name = any(name is not None and not name.isdecimal() for name in requested)
            header = by_name or (unspecified and None not in usual)
            if self.form == "csv" and unspecified and not header:
                raise DataError(
                    f"{path} has none of the usual columns; its first row is {', '.join(names)}; choose columns with "
                    f"{self.columns[0].option} and {self.columns[1].option}, or use --no-header if that row is a pair"
                )
        if header and not self.positions:
            usual = self._guess(usual, names, dialect)
        by_position = self.positions and unspecified and None in usual
        header = header or (self.header is None and by_position and self._names_numbers(begin))
        default = self._text_columns(names, begin[header:]) if by_position else (0, 1)
        selected = []
        for side, column in enumerate(self.columns):
            index = numbered(column.requested, names)
            if by_position or (self.positions and not header and column.requested is None):
                index = default[side]
            elif header:
                if column.requested is None:
                    by_header = usual[side]
                else:
                    by_header = named(column.requested, names, path, column.option)
                index = index if by_header is None else by_header
                if index is None:
                    raise no_column(path, self.columns, column, names, {})
            elif index is None:
                expected = f"a number from 1 to {len(names)} without a header"
                remedy = f"the first row is {', '.join(names)}; {choose(self.columns)}"
                raise ArgumentError(column.option, expected, column.requested, remedy)
            selected.append(index)
        self._check_different(selected[0] == selected[1], names[selected[1]], names)
        return (selected[0], selected[1]), header

    def _usual(self, column: Column, names: list[str]) -> int | None:
        """Return the index of a column with a usual name; `None` if there is none, or if another column is given."""
        if column.requested is not None:
            return None
        indices = (named(name, names, self.file.path, column.option) for name in column.usual)
        return next((index for index in indices if index is not None), None)

    def _guess(self, usual: list[int | None], names: list[str], dialect: Dialect) -> list[int | None]:
        """Return ``usual`` with the missing columns that the contents of the table show without doubt.

        Raises:
            DataError: a column without a name is missing, and there are several that it could be, or none.
        """
        path, found = self.file.path, list(usual)
        for side, column in enumerate(self.columns):
            if column.requested is not None:
                by_name = named(column.requested, names, path, column.option)
                found[side] = numbered(column.requested, names) if by_name is None else by_name
                if found[side] is None:
                    raise no_column(path, self.columns, column, names, {})
        missing = [side for side, at in enumerate(found) if at is None]
        if not missing:
            return found
        sample = [row for _, row in islice(rows(self.file, dialect), EXAMINED) if len(row) == len(names)]
        sample = sample[1:]  # without the header
        likely: dict[str, list[str]] = {}
        for side in missing:
            column = self.columns[side]
            places = candidates(column.role, sample, [at for at in found if at is not None])
            likely[column.option] = [names[at] for at in places]
            if len(places) == 1:
                found[side] = places[0]
        for side in missing:
            if found[side] is None:
                raise no_column(path, self.columns, self.columns[side], names, likely)
        self.guessed.update({option: name for option, (name,) in likely.items()})
        return found

    def _names_numbers(self, begin: list[list[str]]) -> bool:
        """Whether the first row is a header, because only it has text in a numeric column, beside two text columns."""
        first, *others = begin
        others_numeric = [self._numbers(row, len(first)) for row in others]
        numeric = [len(others_numeric) > 1 and all(column) for column in zip(*others_numeric, strict=True)]
        names = [cell for cell, is_numeric in zip(first, numeric, strict=False) if is_numeric]
        return numeric.count(False) > 1 and any(name.strip() and not NUMBER.fullmatch(name) for name in names)

    @staticmethod
    def _numbers(row: list[str], width: int) -> list[bool]:
        """Return whether each cell is a number or missing."""
        return [at >= len(row) or NUMBER.fullmatch(row[at]) is not None for at in range(width)]

    def _text_columns(self, names: list[str], examples: list[list[str]]) -> tuple[int, int]:
        """Return the first two columns, or the second and the fourth if the other two of four are numeric.

        Raises:
            DataError: one of the first two is numeric, and there are other columns with text.
        """
        numbers = [all(column) for column in zip(*(self._numbers(row, len(names)) for row in examples), strict=True)]
        if numbers == [True, False, True, False]:  # as Tatoeba exports pairs
            return 1, 3
        if len(names) > 2 and any(numbers[:2]) and not all(numbers):
            raise DataError(
                f"column {numbers.index(True) + 1} of {self.file.path} contains only numbers; its first row is "
                f"{', '.join(name[:40] for name in names)}; choose the text columns with {self.columns[0].option} and "
                f"{self.columns[1].option}, such as {self.columns[0].option} {numbers.index(False) + 1}"
            )
        return 0, 1

    def _check_different(self, same: bool, name: str, names: list[str]) -> None:
        if same:
            first, second = self.columns
            expected = f"different from the column of the {first.role}"
            raise ArgumentError(second.option, expected, second.requested or name, f"columns: {names}")

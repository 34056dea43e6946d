"""Read a table or JSON objects as inputs of a trained model: one text per row, with all its other columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import DataError
from .dialect import check_delimiter
from .fasta import FastaFile, is_fasta
from .objects import key_of, value_under
from .rows import Column, choose, form_by_name, json_rows, named, no_column, numbered, whole_characters
from .table_rows import open_rows
from .textfile import TextFile, check_encoding, ends_of

MOST = 1 << 23  # maximum number of rows


@dataclass(frozen=True, kw_only=True)
class TextLayout:
    """Where the texts of a file are.

    Attributes:
        form: csv, tsv, jsonl or lines; auto: by the file name.
        column: the column of the text.
        header: whether the first row contains the column names; `None`: if it contains that of the text.
        first: whether to use the first column if none is given and there are no usual names.
        fasta: opens a FASTA file; `None`: such files are not read.
    """

    column: Column
    form: str = "auto"
    header: bool | None = True
    delimiter: str = "auto"
    encoding: str = "auto"
    errors: str = "strict"
    first: bool = False
    fasta: Callable[[Path], FastaFile] | None = None

    def __post_init__(self) -> None:
        check_encoding(self.encoding, self.errors)
        check_delimiter(self.delimiter)

    def form_of(self, path: Path) -> str:
        """Return the given form, or that of a file with this name."""
        if self.form == "auto" and self.fasta is not None and is_fasta(path):
            return "fasta"
        return form_by_name(path, "lines") if self.form == "auto" else self.form


@dataclass(frozen=True)
class InputTable:
    """The rows of a file.

    Attributes:
        how: how it was parsed, for messages.
        texts: the text of each row, possibly blank.
        rows: all cells of each row by column name.
    """

    how: str
    texts: list[str]
    rows: list[dict[str, Any]]


def read_inputs(path: Path, layout: TextLayout) -> InputTable:
    """Read all rows of a CSV, TSV, JSON or JSON Lines file, also those without text, or all sequences of a FASTA file.

    Raises:
        DataError: the file does not exist, cannot be parsed or has no column of texts.
    """
    file = TextFile(path, layout.encoding, layout.errors)
    if not path.is_file():
        raise DataError(f"there is no file {path}; give a table with a column of texts, or a file with a text per line")
    form = layout.form_of(path)
    if form == "fasta" and layout.fasta is not None:
        parsed = _sequences(layout.fasta(path))
    else:
        parsed = _objects(file, layout) if form == "jsonl" else _rows(file, layout)
    table = InputTable(next(parsed, ("an empty file", {}))[0], [], [])
    for text, row in parsed:
        if len(table.rows) == MOST:
            raise DataError(f"{path} has more than {MOST:,} rows; give fewer")
        table.texts.append(text)
        table.rows.append(row)
    if not table.rows:
        raise DataError(f"{path} has no rows; give a table with a column of texts")
    return replace(table, how=table.how + ends_of(file))


def _rows(file: TextFile, layout: TextLayout) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (description, {}), then the text and the cells of each row."""
    column, header = layout.column, layout.header

    def index_of(names: list[str]) -> int | None:
        wanted = column.usual if column.requested is None else (column.requested,)
        places = (named(name, names, file.path, column.option) for name in wanted)
        return next((at for at in places if at is not None), None)

    table = open_rows(
        file,
        layout.form_of(file.path),
        layout.delimiter,
        None if header is False else lambda row: index_of([name.strip() for name in row]) is not None,
        empty=True,
    )
    if table is None:
        return
    first = table.first
    by_name = None if header is False else index_of(first)
    header = by_name is not None if header is None else header
    index = numbered(column.requested, first) if by_name is None else by_name
    if index is None and column.requested is None and (layout.first or len(first) == 1):
        index = 0
    if index is None:
        raise no_column(file.path, [column], column, first, {})
    names = _distinct(first if header else [str(at + 1) for at in range(len(first))])
    place = f"text from column {index + 1}{f' ({first[index]})' if header else ''}"
    yield f"{table.described(header)}; {'with a' if header else 'no'} header; {place}", {}
    for _, row in table.body(header):
        yield row[index], dict(zip(names, row, strict=False))


def _sequences(file: FastaFile) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "FASTA", {}
    for header, sequence in file.records():
        yield sequence, {"header": header.text, "sequence": sequence}


def _objects(file: TextFile, layout: TextLayout) -> Iterator[tuple[str, dict[str, Any]]]:
    key = None
    for line, row in json_rows(file, '{"text": …}'):
        if key is None:
            key = key_of(file.path, layout.column, [layout.column], row)
            yield f"objects; text under {key!r}", {}
        value = value_under(row, key)
        value = "" if value is None else value
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise DataError(
                f"{file.path}, line {line} has no text under {key!r}; {choose([layout.column])}, or correct it"
            )
        yield whole_characters(str(value), file.errors, file.path, line), row


def _distinct(names: list[str]) -> list[str]:
    """Return the names, with a number after one that occurred before."""
    return [f"{name} {at + 1}" if name in names[:at] else name for at, name in enumerate(names)]

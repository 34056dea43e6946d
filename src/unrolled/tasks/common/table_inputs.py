"""Texts of a table as inputs of `unrolled predict`: the rows of a file are read as the run's training data were.

A file is a table if its name (``.csv``, ``.tsv``, ``.jsonl``, ``.json``) or ``--form`` says so, as for training; other
files are lines. Every row is an input, also one without text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ...data.input_table import TextLayout, read_inputs
from ...errors import ArgumentError
from ...results import Input, chunked
from .text_inputs import TextInputs

Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class TableInputs(TextInputs):
    """Texts to predict."""

    file: str | None = None
    """file with one text per line, or a table (CSV, TSV, JSONL); -: standard input"""
    form: Literal["auto", "lines", "csv", "tsv", "jsonl", "fasta"] = "auto"
    """format of the file (default: from its name)"""
    header: bool | None = None
    """the first row contains the column names (default: as in training)"""
    delimiter: str | None = None
    """column separator: one character, or tab (default: as in training)"""

    def read(self, words: Sequence[str], trained: TextLayout, note: Note, column: str | None) -> Iterator[list[Input]]:
        """Yield the inputs in chunks: texts, lines, or the rows of a table.

        Args:
            words: the command's arguments.
            trained: the layout of the training data.
            note: receives how a table was read.
            column: the given column of the text.

        Raises:
            ArgumentError: an option has no effect without a table.
            DataError: the table cannot be read.
        """
        layout = self._layout(trained, column)
        if self.file in (None, "-") or words or layout.form_of(Path(self.file or "").expanduser()) == "lines":
            given = {
                "form": None if self.form in ("auto", "lines") else self.form,
                "header": self.header,
                "delimiter": self.delimiter,
                layout.column.option.removeprefix("--").replace("-", "_"): column,
            }
            for name, value in given.items():
                if value is not None:
                    remedy = "" if self.file in (None, "-") else "add --form csv, tsv or jsonl"
                    raise ArgumentError(name, "omitted without a --file that is a table", value, remedy)
            return self.inputs(words)
        table = read_inputs(Path(self.file or "").expanduser(), layout)
        note(f"{self.file}: {len(table.rows):,} rows; {table.how}")
        return chunked(Input(text, row=row) for text, row in zip(table.texts, table.rows, strict=True))

    def _layout(self, trained: TextLayout, column: str | None) -> TextLayout:
        """Return the layout of the file: the given options, else those of training."""
        return replace(
            trained,
            form=trained.form if self.form == "auto" else self.form,
            column=trained.column if column is None else replace(trained.column, requested=column),
            header=trained.header if self.header is None else self.header,
            delimiter=self.delimiter or trained.delimiter,
            encoding=trained.encoding if self.encoding == TextInputs.encoding else self.encoding,
            errors=trained.errors if self.errors == TextInputs.errors else self.errors,
        )

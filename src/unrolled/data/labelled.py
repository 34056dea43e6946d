"""Texts with a label each, from the files in which people keep them.

    csv, tsv    columns by name, or by number where there is no header
    jsonl       objects by key, one to a line or in an array
    lines       ``label text`` per line, ``text<TAB>label``, or fastText's ``__label__x text`` (see labelled_lines.py)
    folder      a folder per class with a text in every file, as IMDb is distributed (see labelled_folders.py)

Everything is read into memory: labelled texts are small.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ..checks import checked
from ..errors import ArgumentError, DataError
from .dialect import DELIMITERS, check_delimiter
from .labelled_folders import folder_texts
from .labelled_lines import LABEL_NAMES, TEXT_NAMES, read_lines
from .rows import Column, form_by_name, lines
from .table import Table
from .textfile import TextFile, check_encoding

Form = Literal["auto", "csv", "tsv", "jsonl", "lines", "folder"]
MOST = 1 << 24  # examples
_NAME_IT = "name the right one with --label-column"


@checked
@dataclass
class Examples:
    """Texts and, beside each, its label."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    how: str = field(default="", compare=False, repr=False)
    """how the file was read, for a person"""

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.texts):
            raise ArgumentError("labels", f"one for each of the {len(self.texts):,} texts", len(self.labels))

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Iterable[int]) -> Examples:
        """The examples with these numbers."""
        chosen = list(indices)
        return Examples([self.texts[i] for i in chosen], [self.labels[i] for i in chosen], self.how)

    def digest(self) -> str:
        """Changes with any text or label."""
        return hashlib.sha256(json.dumps([self.texts, self.labels]).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a file is written."""

    form: Form = "auto"
    text_column: str | None = None
    label_column: str | None = None
    header: bool = True
    delimiter: str = "auto"
    encoding: str = "utf-8"
    errors: str = "strict"

    def __post_init__(self) -> None:
        check_encoding(self.encoding, self.errors)
        check_delimiter(self.delimiter)


def read_labelled(path: Path, layout: Layout) -> tuple[Examples, list[str]]:
    """All examples of a file or folder, and notes on what was left out.

    Raises:
        DataError: there is nothing there, a line cannot be read, a column is missing (those present are listed).
    """
    form = form_of(path, layout)
    reading = _Reading(path)
    notes: list[str] = []
    if form == "folder":
        count = 0
        for place, text, label in folder_texts(path, layout.encoding, layout.errors, reading.foreign):
            reading.add(text, label, place)
            count += 1
        how = f"{count:,} files, a folder for each class"
    else:
        file = TextFile(path, layout.encoding, layout.errors)
        if not path.is_file():
            raise DataError(f"there is no file {path}; give a file of labelled texts, or a folder with one per class")
        if form == "lines" and layout.form == "auto":
            form = _named_columns(file) or form
        table = None if form == "lines" else _table(file, form, layout)
        how, rows = read_lines(file, layout.form == "auto") if table is None else table.read()
        for line, text, label in rows:
            reading.add(text, label, line)
        notes = [] if table is None else table.notes
    return replace(reading.examples, how=how), [*reading.end(), *notes]


def _table(file: TextFile, form: str, layout: Layout) -> Table:
    columns = (
        Column("text", "--text-column", layout.text_column, TEXT_NAMES),
        Column("label", "--label-column", layout.label_column, LABEL_NAMES),
    )
    return Table(file, form, columns, layout.header, layout.delimiter, False, '{"text": …, "label": …}')


def _named_columns(file: TextFile) -> str:
    """The form of a table, if the first line of a file of lines is the header of one."""
    first = next(lines(file, every=True), "").lower()
    for delimiter in DELIMITERS:
        names = {cell.strip("\"' \t\r\n") for cell in first.split(delimiter)}
        if names & set(TEXT_NAMES) and names & set(LABEL_NAMES):
            return "tsv" if delimiter == "\t" else "csv"
    return ""


def form_of(path: Path, layout: Layout) -> str:
    """The form that was asked for, or the one that the name tells."""
    if layout.form != "auto":
        return layout.form
    if path.is_dir():
        return "folder"
    form = form_by_name(path, "lines")
    return "csv" if form == "lines" and layout.delimiter != "auto" else form


def check_used(path: Path, layout: Layout) -> None:
    """Raise ArgumentError for an option that the form of ``path`` has no use for."""
    form = form_of(path, layout)
    unused, why = {
        "lines": (("text_column", "label_column", "header", "delimiter"), "of 'label text'"),
        "folder": (("text_column", "label_column", "header", "delimiter"), "of a folder per class"),
        "jsonl": (("header", "delimiter"), "of objects with keys"),
    }.get(form, ((), ""))
    for name in unused:
        value = getattr(layout, name)
        if value != getattr(Layout, name):
            remedy = "" if form == "jsonl" else "for columns use --form csv or --form tsv as well"
            raise ArgumentError("--" + name.replace("_", "-"), f"left out for texts in the form {why}", value, remedy)


def other_label(path: Path, layout: Layout) -> str:
    """What to do if what was taken for a label is none."""
    form = form_of(path, layout)
    if form == "lines":
        return (
            "the first word of a line is read as its label; for columns use --form tsv --no-header (or --form csv) "
            "with --text-column and --label-column"
        )
    return "give the folder with the classes' folders in it" if form == "folder" else _NAME_IT


def check_classes(examples: Examples, where: object, remedy: str = _NAME_IT) -> list[str]:
    """The classes, in order.

    Raises:
        DataError: there is only one, or nearly every text has its own.
    """
    counts = Counter(examples.labels)
    if len(counts) < 2:
        only = f"only the class {next(iter(counts))!r}" if counts else "no labelled text"
        raise DataError(f"{where} has {only}: there is nothing to tell apart; give texts of at least two classes")
    if len(counts) > max(10, len(examples) // 2):
        raise DataError(
            f"{where} has {len(counts):,} different labels for {len(examples):,} texts; is "
            f"{next(iter(counts))!r} a label? {remedy}"
        )
    return sorted(counts)


class _Reading:
    """Examples as they come; what is empty is left out and counted."""

    def __init__(self, path: Path) -> None:
        self.path, self.examples = path, Examples()
        self.empty = self.unlabelled = 0
        self.foreign: list[str] = []

    def add(self, text: str, label: str, where: object) -> None:
        text, label = text.strip(), label.strip()
        if not text:
            self.empty += 1
        elif not label:
            self.unlabelled += 1
        elif len(self.examples) == MOST:
            raise DataError(f"{self.path} has more than {MOST:,} examples; give fewer")
        else:
            self.examples.texts.append(text)
            self.examples.labels.append(label)

    def end(self) -> list[str]:
        counts = ((self.empty, "without text"), (self.unlabelled, "without a label"))
        notes = [f"{self.path}: {count:,} examples {what} were left out" for count, what in counts if count]
        if self.foreign:
            names = ", ".join(self.foreign[:3]) + (", …" if len(self.foreign) > 3 else "")
            one = "file that is no text" if len(self.foreign) == 1 else "files that are no texts"
            notes.append(f"{self.path}: {len(self.foreign):,} {one} left out: {names}")
        if not self.examples:
            raise DataError(f"{self.path} has no labelled texts in it{'; ' + '; '.join(notes) if notes else ''}")
        return notes

"""Labelled texts: read them from the common file formats.

    csv, tsv    columns by name, or by number if there is no header
    jsonl       objects with two keys, one per line or in an array
    lines       ``label text`` per line, ``text<TAB>label``, or fastText's ``__label__x text`` (see labelled_lines.py)
    folder      a folder per class with one text per file, as IMDb is distributed (see labelled_folders.py)
    fasta       sequences with labels in their headers, or a folder with a file per class (see fasta_labels.py)

All texts are read into memory.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ..checks import checked
from ..errors import ArgumentError, DataError
from .dialect import DELIMITERS, check_delimiter
from .fasta import Ambiguous, Case, FastaFile, is_fasta
from .fasta_labels import class_of, fasta_files, has_fasta, labelled_records
from .labelled_folders import folder_texts
from .labelled_lines import LABEL_NAMES, TEXT_NAMES, read_lines
from .rows import Column, form_by_name, lines
from .table import Table
from .textfile import GUESSED, TextFile, check_encoding

Form = Literal["auto", "csv", "tsv", "jsonl", "lines", "folder", "fasta"]
MOST = 1 << 24  # maximum number of examples
_NAME_COLUMN = "give the column of labels with --label-column"


@checked
@dataclass
class Examples:
    """Texts and their labels.

    Raises:
        ArgumentError: the two lists have different lengths.
    """

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    how: str = field(default="", compare=False, repr=False)
    """how the file was parsed, for messages"""
    guessed: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """names of the columns that were guessed from their contents, by option"""

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.texts):
            raise ArgumentError("labels", f"of the same length as texts, {len(self.texts):,}", len(self.labels))

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Iterable[int]) -> Examples:
        """Return the examples with these indices."""
        chosen = list(indices)
        return Examples([self.texts[i] for i in chosen], [self.labels[i] for i in chosen], self.how)

    def digest(self) -> str:
        """Return a SHA-256 digest of all texts and labels."""
        return hashlib.sha256(json.dumps([self.texts, self.labels]).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The format of a file."""

    form: Form = "auto"
    text_column: str | None = None
    label_column: str | None = None
    header: bool = True
    delimiter: str = "auto"
    encoding: str = "utf-8"
    errors: str = "strict"
    case: Case = "upper"
    ambiguous: Ambiguous = "keep"

    def __post_init__(self) -> None:
        check_encoding(self.encoding, self.errors)
        check_delimiter(self.delimiter)

    def fasta(self, path: Path) -> FastaFile:
        """Return a FASTA file that is read with these options."""
        return FastaFile(path, self.encoding, self.errors, case=self.case, ambiguous=self.ambiguous)

    def with_guessed(self, guessed: Mapping[str, str]) -> Layout:
        """Return the layout of other files with the same columns: with those that were guessed in the first."""
        columns = by_name(guessed)
        return replace(
            self,
            text_column=columns.get("text_column", self.text_column),
            label_column=columns.get("label_column", self.label_column),
        )


def by_name(guessed: Mapping[str, str]) -> dict[str, str]:
    """Return guessed columns by the names of config options, such as ``text_column``."""
    return {option.removeprefix("--").replace("-", "_"): name for option, name in guessed.items()}


def read_labelled(path: Path, layout: Layout) -> tuple[Examples, list[str]]:
    """Read all examples of a file or folder; return them and notes on skipped ones.

    Raises:
        DataError: the file does not exist or has no examples, a line is invalid, or a column is missing.
    """
    form = form_of(path, layout)
    collector = _ExampleCollector(path)
    notes: list[str] = []
    columns: dict[str, str] = {}
    if path.is_dir() and form in ("folder", "fasta") and (files := fasta_files(path)):
        for place in files:
            for record in layout.fasta(place).records():
                collector.add(record.sequence, class_of(place))
        how = f"FASTA: {len(collector.examples):,} sequences in {len(files):,} files, one per class"
    elif form == "folder":
        count = guessed = 0
        for place, text, label in folder_texts(path, layout.encoding, layout.errors, collector.foreign):
            texts = (record.sequence for record in layout.fasta(place).records()) if is_fasta(place) else (text,)
            for part in texts:
                collector.add(part, label)
            count += 1
            guessed += TextFile(place, layout.encoding, layout.errors).is_guessed
        how = f"{count:,} files, one folder per class" + (f"; {guessed:,} of them {GUESSED}" if guessed else "")
    else:
        file = TextFile(path, layout.encoding, layout.errors)
        if not path.is_file():
            raise DataError(
                f"there is no file {path}; give a file of labelled texts, or a folder with a folder per class"
            )
        if form == "lines" and layout.form == "auto":
            form = _form_of_header(file) or form
        table = None if form in ("lines", "fasta") else _table(file, form, layout)
        if form == "fasta":
            how, rows = labelled_records(layout.fasta(path), layout.label_column)
        else:
            how, rows = read_lines(file, layout.form == "auto") if table is None else table.read()
        for _, text, label in rows:
            collector.add(text, label)
        notes = [] if table is None else table.notes
        columns = {} if table is None else table.guessed
    return replace(collector.examples, how=how, guessed=columns), [*collector.notes(), *notes]


def _table(file: TextFile, form: str, layout: Layout) -> Table:
    columns = (
        Column("text", "--text-column", layout.text_column, TEXT_NAMES),
        Column("label", "--label-column", layout.label_column, LABEL_NAMES),
    )
    return Table(file, form, columns, layout.header, layout.delimiter, False, '{"text": …, "label": …}')


def _form_of_header(file: TextFile) -> str:
    """Return "csv" or "tsv" if the first line is the header of a table, else an empty string."""
    first = next(lines(file, lone_cr=True), "").lower()
    for delimiter in DELIMITERS:
        names = {cell.strip("\"' \t\r\n") for cell in first.split(delimiter)}
        if names & set(TEXT_NAMES) and names & set(LABEL_NAMES):
            return "tsv" if delimiter == "\t" else "csv"
    return ""


def form_of(path: Path, layout: Layout) -> str:
    """Return the given form, or the form detected from the file name."""
    if layout.form != "auto":
        return layout.form
    if path.is_dir():
        return "folder"
    if is_fasta(path):
        return "fasta"
    form = form_by_name(path, "lines")
    return "csv" if form == "lines" and layout.delimiter != "auto" else form


def check_used(path: Path, layout: Layout) -> None:
    """Raise ArgumentError for an option that has no effect with the form of ``path``."""
    form = form_of(path, layout)
    unused, why = {
        "lines": (("text_column", "label_column", "header", "delimiter"), "lines ('label text')"),
        "folder": (("text_column", "label_column", "header", "delimiter"), "folder (a folder per class)"),
        "jsonl": (("header", "delimiter"), "jsonl (objects with keys)"),
        "fasta": (("text_column", "header", "delimiter"), "fasta (sequences)"),
    }.get(form, ((), f"{form} (columns)"))
    of_fasta = () if form == "fasta" or (form == "folder" and has_fasta(path)) else ("case", "ambiguous")
    for name in (*unused, *of_fasta):
        value = getattr(layout, name)
        if value != getattr(Layout, name):
            remedy = (
                "" if form in ("jsonl", "fasta") or name in of_fasta else "for columns add --form csv or --form tsv"
            )
            raise ArgumentError("--" + name.replace("_", "-"), f"omitted with the form {why}", value, remedy)


def other_label(path: Path, layout: Layout) -> str:
    """Return the remedy for wrong labels, depending on the form."""
    form = form_of(path, layout)
    if form == "lines":
        return (
            "the first word of each line is its label; for columns use --form tsv --no-header (or --form csv) "
            "with --text-column and --label-column"
        )
    if form == "fasta":
        return "give the field of the headers that is the label, by key or number, with --label-column"
    return "give the folder that contains the folders of the classes" if form == "folder" else _NAME_COLUMN


def check_classes(examples: Examples, where: object, remedy: str = _NAME_COLUMN) -> list[str]:
    """Return the sorted classes.

    Raises:
        DataError: there are fewer than two classes, or nearly as many as texts.
    """
    counts = Counter(examples.labels)
    if len(counts) < 2:
        only = f"only the class {next(iter(counts))!r}" if counts else "no labelled text"
        raise DataError(f"{where} has {only}; give texts of at least two classes")
    if len(counts) > max(10, len(examples) // 2):
        raise DataError(
            f"{where} has {len(counts):,} different labels for {len(examples):,} texts; is "
            f"{next(iter(counts))!r} a label? {remedy}"
        )
    return sorted(counts)


class _ExampleCollector:
    """Collect examples; skip and count those with an empty text or label."""

    def __init__(self, path: Path) -> None:
        self.path, self.examples = path, Examples()
        self.empty = self.unlabelled = 0
        self.foreign: list[str] = []

    def add(self, text: str, label: str) -> None:
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

    def notes(self) -> list[str]:
        """Return notes on skipped examples; raise `DataError` if there are no examples."""
        counts = ((self.empty, "without text"), (self.unlabelled, "without a label"))
        notes = [f"{self.path}: {count:,} examples {what} skipped" for count, what in counts if count]
        if self.foreign:
            names = ", ".join(self.foreign[:3]) + (", …" if len(self.foreign) > 3 else "")
            files = "non-text file" if len(self.foreign) == 1 else "non-text files"
            notes.append(f"{self.path}: {len(self.foreign):,} {files} skipped: {names}")
        if not self.examples:
            raise DataError(f"{self.path} has no labelled texts{'; ' + '; '.join(notes) if notes else ''}")
        return notes

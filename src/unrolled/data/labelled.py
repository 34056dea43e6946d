"""Texts with a label each, from the files in which people keep them.

    csv, tsv    columns by name, or by number where there is no header
    jsonl       an object per line, by key
    lines       ``label text`` per line (also fastText's ``__label__x text``)
    folder      a folder per class with a text in every file, as IMDb is distributed; with ``train`` and ``test`` in it
                these are the two sets

Everything is read into memory: labelled texts are small.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..checks import checked
from ..errors import ArgumentError, DataError
from .rows import (
    check_width,
    csv_rows,
    form_by_name,
    json_rows,
    lines,
    named,
    no_column,
    numbered,
    tsv_rows,
    whole_characters,
)
from .textfile import TextFile, check_encoding

Form = Literal["auto", "csv", "tsv", "jsonl", "lines", "folder"]
TEXT_NAMES = ("text", "sentence", "review", "question", "comment", "content", "document", "tweet", "body", "title")
LABEL_NAMES = ("label", "class", "category", "target", "sentiment", "author", "intent", "topic", "tag", "y")
NO_CLASS = ("unsup",)  # folders of IMDb's that are no class
MOST = 1 << 24  # examples


@checked
@dataclass
class Examples:
    """Texts and, beside each, its label."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.texts):
            raise ArgumentError("labels", f"one for each of the {len(self.texts):,} texts", len(self.labels))

    def __len__(self) -> int:
        return len(self.texts)

    def pick(self, indices: Iterable[int]) -> Examples:
        """The examples with these numbers."""
        chosen = list(indices)
        return Examples([self.texts[i] for i in chosen], [self.labels[i] for i in chosen])

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
    encoding: str = "utf-8"
    errors: str = "strict"

    def __post_init__(self) -> None:
        check_encoding(self.encoding, self.errors)


def read_labelled(path: Path, layout: Layout) -> tuple[Examples, list[str]]:
    """All examples of a file or folder, and notes on what was left out.

    Raises:
        DataError: there is nothing there, a line cannot be read, a column is missing (those present are listed).
    """
    form = form_of(path, layout)
    reading = _Reading(path)
    if form == "folder":
        _folder(path, layout, reading)
    else:
        file = TextFile(path, layout.encoding, layout.errors)
        if not path.is_file():
            raise DataError(f"there is no file {path}; give a file of labelled texts, or a folder with one per class")
        rows = {"csv": _csv, "tsv": _tsv, "jsonl": _jsonl, "lines": _label_first}[form]
        for text, label, line in rows(file, layout):
            reading.add(text, label, line)
    return reading.examples, reading.end()


def form_of(path: Path, layout: Layout) -> str:
    """The form that was asked for, or the one that the name tells."""
    if layout.form != "auto":
        return layout.form
    if path.is_dir():
        return "folder"
    return form_by_name(path, "lines")


def check_classes(examples: Examples, where: object) -> list[str]:
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
            f"{next(iter(counts))!r} a label? name the right one with --label-column"
        )
    return sorted(counts)


class _Reading:
    """Examples as they come; what is empty is left out and counted."""

    def __init__(self, path: Path) -> None:
        self.path, self.examples = path, Examples()
        self.empty = self.unlabelled = 0

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
        if not self.examples:
            raise DataError(f"{self.path} has no labelled texts in it{'; ' + '; '.join(notes) if notes else ''}")
        return notes


Row = tuple[str, str, int]  # text, label, line


def _csv(file: TextFile, layout: Layout) -> Iterator[Row]:
    return _columns(file.path, csv_rows(file), layout)


def _tsv(file: TextFile, layout: Layout) -> Iterator[Row]:
    return _columns(file.path, tsv_rows(file), layout)


def _columns(path: Path, rows: Iterator[tuple[int, list[str]]], layout: Layout) -> Iterator[Row]:
    width, text, label = 0, -1, -1
    for line, row in rows:
        if text < 0:
            width = len(row)
            text, label = _which(path, row, layout)
            if layout.header:
                continue
        check_width(path, line, row, width, max(text, label) + 1)
        yield row[text], row[label], line


def _which(path: Path, row: list[str], layout: Layout) -> tuple[int, int]:
    """The numbers (from 0) of the text's and the label's column."""
    names = [name.strip() for name in row]
    found = []
    for option, asked, usual in (
        ("--text-column", layout.text_column, TEXT_NAMES),
        ("--label-column", layout.label_column, LABEL_NAMES),
    ):
        at = numbered(asked, names)
        if layout.header:
            wanted = [asked] if asked is not None else usual
            at = next((place for name in wanted if (place := named(name, names)) is not None), at)
            if at is None:
                raise no_column(path, option, asked, names)
        elif at is None:
            raise ArgumentError(
                option, f"a number from 1 to {len(names)} where there is no header", asked, f"first row: {names}"
            )
        found.append(at)
    return found[0], found[1]


def _jsonl(file: TextFile, layout: Layout) -> Iterator[Row]:
    text = label = ""
    for line, row in json_rows(file, '{"text": …, "label": …}'):
        if not text:
            keys = list(row)
            columns = Layout(text_column=layout.text_column, label_column=layout.label_column)
            first, second = _which(file.path, keys, columns)
            text, label = keys[first], keys[second]
        for name in (text, label):
            if not isinstance(row.get(name), str | int | float | bool):
                raise DataError(
                    f"{file.path}, line {line} has no text or number under {name!r}; its keys are {', '.join(row)}"
                )
        said, kind = (whole_characters(str(row[name]), layout.errors, file.path, line) for name in (text, label))
        yield said, kind, line


def _label_first(file: TextFile, layout: Layout) -> Iterator[Row]:
    for line, raw in enumerate(lines(file), 1):
        if not raw.strip():
            continue
        label, _, text = raw.strip().partition("\t" if "\t" in raw else " ")
        if not text:
            raise DataError(f"{file.path}, line {line} is not 'label text': {raw.strip()[:60]!r}")
        yield text, label.removeprefix("__label__"), line


def class_folders(path: Path) -> list[Path]:
    """The folders of classes below ``path``."""
    return sorted(p for p in path.iterdir() if p.is_dir() and p.name not in NO_CLASS and not p.name.startswith("."))


def _folder(path: Path, layout: Layout, reading: _Reading) -> None:
    if not path.is_dir():
        raise DataError(f"there is no folder {path}; give a folder with a folder per class in it")
    for folder in class_folders(path):
        for place in sorted(folder.rglob("*")):
            if place.is_file() and not place.name.startswith("."):
                file = TextFile(place, layout.encoding, layout.errors)
                reading.add("".join(file.read()).removeprefix("\ufeff"), folder.name, place)

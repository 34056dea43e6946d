"""Texts with a label each, from the files in which people keep them.

    csv, tsv    columns by name, or by number where there is no header
    jsonl       an object per line, by key
    lines       ``label text`` per line (also fastText's ``__label__x text``)
    folder      a folder per class with a text in every file, as IMDb is distributed; with ``train`` and ``test`` in it
                these are the two sets

Everything is read into memory: labelled texts are small.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import ArgumentError, DataError, did_you_mean
from .textfile import TextFile, check_encoding

Form = Literal["auto", "csv", "tsv", "jsonl", "lines", "folder"]
FORMS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
TEXT_NAMES = ("text", "sentence", "review", "question", "comment", "content", "document", "tweet", "body", "title")
LABEL_NAMES = ("label", "class", "category", "target", "sentiment", "author", "intent", "topic", "tag", "y")
NO_CLASS = ("unsup",)  # folders of IMDb's that are no class
LONGEST = 1 << 24  # characters of a field
MOST = 1 << 24  # examples

_NUMBER = re.compile("[0-9]{1,9}")

csv.field_size_limit(LONGEST)


@dataclass
class Examples:
    """Texts and, beside each, its label."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

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
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return FORMS.get(suffixes[-1].lower() if suffixes else "", "lines")


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


def _lines(file: TextFile) -> Iterator[str]:
    """Its lines, with their ends; a byte order mark is left out."""
    held, begun = "", False
    for text in file.read():
        held += text if begun else text.removeprefix("\ufeff")
        begun = True
        *whole, held = held.split("\n")
        if len(held) > LONGEST:
            raise DataError(f"{file.path} has a line of over {LONGEST:,} characters; is it the right file?")
        for line in whole:
            yield line + "\n"
    if held:
        yield held


def _csv(file: TextFile, layout: Layout) -> Iterator[Row]:
    rows = csv.reader(_lines(file), strict=True, skipinitialspace=True)
    return _columns(file.path, rows, layout)


def _tsv(file: TextFile, layout: Layout) -> Iterator[Row]:
    """Tabs separate, and quotes are text, but for those around a whole field."""
    rows = csv.reader(_lines(file), delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
    return _columns(file.path, ([_unquoted(field) for field in row] for row in rows), layout)


def _columns(path: Path, rows: Iterator[list[str]], layout: Layout) -> Iterator[Row]:
    line = 0
    try:
        width, text, label = 0, -1, -1
        for line, row in enumerate(rows, 1):
            if not any(row):
                continue
            if text < 0:
                width = len(row)
                text, label = _which(path, row, layout)
                if layout.header:
                    continue
            if len(row) <= max(text, label):
                raise DataError(
                    f"{path}, row {line}: it has {len(row)} columns, the first row has {width}; is a quote or a "
                    "separator missing?"
                )
            yield row[text], row[label], line
    except csv.Error as error:
        raise DataError(f"{path}, after row {line}: {error}; is a quote missing?") from None


def _unquoted(field: str) -> str:
    """``field`` without quotes around all of it: those inside must then be doubled."""
    inner = field[1:-1].replace('""', "")
    return field[1:-1].replace('""', '"') if len(field) > 1 and field[0] == field[-1] == '"' not in inner else field


def _which(path: Path, row: list[str], layout: Layout) -> tuple[int, int]:
    """The numbers (from 0) of the text's and the label's column."""
    names = [name.strip() for name in row]
    found = []
    for option, asked, usual in (
        ("--text-column", layout.text_column, TEXT_NAMES),
        ("--label-column", layout.label_column, LABEL_NAMES),
    ):
        if not layout.header:
            if asked is None or not _NUMBER.fullmatch(asked) or not 1 <= int(asked) <= len(names):
                raise ArgumentError(
                    option, f"a number from 1 to {len(names)} where there is no header", asked, f"first row: {names}"
                )
            found.append(int(asked) - 1)
            continue
        wanted = [asked] if asked is not None else usual
        lower = [name.lower() for name in names]
        at = next((lower.index(name.lower()) for name in wanted if name.lower() in lower), None)
        if at is None and asked is not None and _NUMBER.fullmatch(asked) and 1 <= int(asked) <= len(names):
            at = int(asked) - 1
        if at is None:
            what = f"has no column {asked!r}" if asked is not None else "has none of the usual columns"
            near = did_you_mean(asked, names) if asked is not None else ""
            raise DataError(
                f"{path} {what}; its columns are {', '.join(names)}{near}; name one with {option}, or its number "
                "with --no-header if the first row is an example"
            )
        found.append(at)
    return found[0], found[1]


def _jsonl(file: TextFile, layout: Layout) -> Iterator[Row]:
    text = label = ""
    for line, raw in enumerate(_lines(file), 1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file.path}, line {line} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise DataError(f'{file.path}, line {line} must be an object such as {{"text": …, "label": …}}')
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
        said, kind = (_characters(str(row[name]), layout, file.path, line) for name in (text, label))
        yield said, kind, line


def _characters(text: str, layout: Layout, path: Path, line: int) -> str:
    """JSON can spell halves of characters (surrogates), which no file or model can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        if layout.errors == "strict":
            raise DataError(
                f"{path}, line {line} has {text[error.start]!a}, which is half a character; correct it, or use "
                "--errors replace"
            ) from None
        return text.encode(errors=layout.errors).decode()
    return text


def _label_first(file: TextFile, layout: Layout) -> Iterator[Row]:
    for line, raw in enumerate(_lines(file), 1):
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

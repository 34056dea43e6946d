"""Pairs of texts, each a source and what it is to become, from the files in which people keep them.

    lines       two files: line n of the one belongs to line n of the other
    tsv, csv    both in one file, in columns by name, or by number where there is no header
    jsonl       objects by key, one to a line or in an array; ``translation.de`` is the key "de" of the object under
                "translation"

Everything is read into memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from ..checks import checked
from ..errors import ArgumentError, DataError
from .dialect import check_delimiter
from .rows import Column, form_by_name, lines, without_end
from .table import Table
from .textfile import TextFile, check_encoding, ends_of, mixed_ends

Form = Literal["auto", "lines", "tsv", "csv", "jsonl"]
SOURCE_NAMES = ("source", "src", "input", "from", "question", "text")
TARGET_NAMES = ("target", "tgt", "trg", "output", "translation", "to", "answer", "label")
MOST = 1 << 23  # pairs
CHARACTERS = 1 << 29  # of one side together: a small compressed file can hold any number of them


@checked
@dataclass(frozen=True)
class Pairs:
    """Sources and, beside each, its target."""

    source: list[str]
    target: list[str]
    lines: list[int] = field(default_factory=list, compare=False, repr=False)
    """the line of its file in which each pair stands; empty: 1, 2, 3, …"""
    how: str = field(default="", compare=False, repr=False)
    """how the file was read, for a person"""

    def __post_init__(self) -> None:
        if len(self.target) != len(self.source):
            raise ArgumentError("target", f"one for each of the {len(self.source):,} sources", len(self.target))

    def __len__(self) -> int:
        return len(self.source)

    def pick(self, indices: Iterable[int]) -> Pairs:
        """The pairs with these numbers, from 0."""
        chosen = list(indices)
        return Pairs(
            [self.source[i] for i in chosen], [self.target[i] for i in chosen], [self.line(i) for i in chosen], self.how
        )

    def line(self, index: int) -> int:
        """The line in which a pair stands."""
        return self.lines[index] if self.lines else index + 1

    def digest(self) -> str:
        """Changes with any source or target."""
        return hashlib.sha256(json.dumps([self.source, self.target]).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class BitextLayout:
    """How files of pairs are written."""

    form: Form = "auto"
    source_column: str | None = None
    """name, key or (where there is no header) number"""
    target_column: str | None = None
    header: bool | None = None
    """whether the first row names the columns; None: it does if columns are asked for by name, or it has usual names"""
    delimiter: str = "auto"
    """what separates columns: one character, or tab; auto: look"""
    encoding: str = "utf-8"
    errors: str = "strict"

    def __post_init__(self) -> None:
        check_encoding(self.encoding, self.errors)
        check_delimiter(self.delimiter)

    def refuse(self, names: Iterable[str], expected: str) -> None:
        """Raise ArgumentError for the first of these options that is given."""
        for name in names:
            value = getattr(self, name)
            if value != getattr(BitextLayout, name):
                raise ArgumentError("--" + name.replace("_", "-"), expected, value)

    def form_of(self, source: str | Path, target: str | Path | None) -> str:
        """The form of these files: as it is said, or as the first one's name or a second file tells."""
        if self.form != "auto":
            return self.form
        if self.delimiter != "auto" and form_by_name(Path(source), "lines") in ("lines", "csv"):
            return "csv"
        return form_by_name(Path(source), "lines" if target is not None else "tsv")


def read_pairs(source_path: Path, target_path: Path | None, layout: BitextLayout) -> Pairs:
    """All pairs of two aligned files, or of one file with both sides. Texts stay exactly as they are.

    Raises:
        ArgumentError: a second file is missing, or there is one too many.
        DataError: a file is missing or cannot be read, files are not aligned, a line or column is not what it must be.
    """
    for path in filter(None, (source_path, target_path)):
        if not os.path.isfile(path):  # unlike Path.is_file it takes any name, however long
            raise DataError(
                f"there is no file {path}; give a file of texts, one to a line, or of pairs (TSV, CSV, JSONL)"
            )
    form = _form(source_path, target_path, layout)
    reading = _Reading(source_path)
    if target_path is not None:
        how = _aligned(reading, source_path, target_path, layout)
    else:
        columns = (
            Column("source", "--source-column", layout.source_column, SOURCE_NAMES),
            Column("target", "--target-column", layout.target_column, TARGET_NAMES),
        )
        file = TextFile(source_path, layout.encoding, layout.errors)
        example = '{"source": …, "target": …}'
        table = Table(file, form, columns, layout.header, layout.delimiter, True, example)
        how, found = table.read()
        for line, source, target in found:
            reading.add(source, target, line)
        how = "; ".join([how, *table.notes])
    if not len(reading.pairs):
        raise DataError(f"{source_path} has no pairs in it; give a file with a source and a target in each line")
    return replace(reading.pairs, how=how)


def _form(source: Path, target: Path | None, layout: BitextLayout) -> str:
    form = layout.form_of(source, target)
    if form == "lines" and target is None:
        raise ArgumentError("target", f"the file whose line n belongs to line n of {source}", None)
    if form != "lines" and target is not None:
        raise ArgumentError(
            "target",
            f"left out, for a file of form {form} has both sides",
            str(target),
            "for two files of lines use --form lines, or names that do not tell another form",
        )
    if form == "lines":
        expected = "left out where each side has a file of its own, which has no columns"
        layout.refuse(("source_column", "target_column", "header", "delimiter"), expected)
    if form == "jsonl":
        layout.refuse(("header", "delimiter"), "left out for objects, which have keys instead of columns")
    return form


class _Reading:
    """Pairs as they come, within limits."""

    def __init__(self, path: Path) -> None:
        self.path, self.pairs = path, Pairs([], [])
        self.characters = [0, 0]

    def add(self, source: str, target: str, line: int) -> None:
        self.characters[0] += len(source)
        self.characters[1] += len(target)
        if len(self.pairs) == MOST:
            raise DataError(f"{self.path} has more than {MOST:,} pairs; give fewer")
        if max(self.characters) > CHARACTERS:
            raise DataError(f"{self.path} has more than {CHARACTERS:,} characters of text; give fewer pairs")
        self.pairs.source.append(source)
        self.pairs.target.append(target)
        self.pairs.lines.append(line)


def _aligned(reading: _Reading, source_path: Path, target_path: Path, layout: BitextLayout) -> str:
    """Line n with line n; what was decided. The rest of a longer file is only counted, for the error."""
    counts = [0, 0]
    files = [TextFile(path, layout.encoding, layout.errors) for path in (source_path, target_path)]
    every = _aligned_at_returns(files)
    for number, both in enumerate(zip_longest(*(lines(file, every) for file in files)), 1):
        if both[0] is not None and both[1] is not None:
            reading.add(without_end(both[0]), without_end(both[1]), number)
        for side, line in enumerate(both):
            counts[side] += line is not None
    if counts[0] != counts[1]:
        raise DataError(
            f"{source_path} has {counts[0]:,} lines and {target_path} has {counts[1]:,}; line n of the one must belong "
            "to line n of the other, so give files with the same number of lines"
        )
    ends = [ends_of(file) for file in files]
    return f"line n belongs to line n of {target_path}{ends[0]}" + (f"; there{ends[1]}" if ends[1] != ends[0] else "")


def _aligned_at_returns(files: list[TextFile]) -> bool:
    """Whether a lone ``\\r`` beside ``\\n`` ends a line: the files have as many lines as each other then."""
    if not any(map(mixed_ends, files)):
        return False
    counts = [sum(1 for _ in lines(file, every=True)) for file in files]
    return counts[0] == counts[1]


def keep(pairs: Pairs, *, max_length: int, max_ratio: float) -> tuple[Pairs, list[str]]:
    """The pairs that can be learned from, without white space around them, and notes on those that were left out.

    Left out are pairs with an empty side, with a side of more than ``max_length`` words, and those of which one side is
    more than ``max_ratio`` times as long as the other, as (words + 1) : (words + 1). Words are what white space
    separates. Where the texts of either side are mostly a single word (dates, Chinese), words tell nothing of a text's
    length, and no pair is left out for its ratio.

    Raises:
        DataError: nothing is left; it names what would help for the reasons that there were.
    """
    source, target = [text.strip() for text in pairs.source], [text.strip() for text in pairs.target]
    words = [(len(a.split()), len(b.split())) for a, b in zip(source, target, strict=True)]
    filled = [pair for pair in words if min(pair)]
    countable = all(sum(pair[side] == 1 for pair in filled) <= len(filled) / 2 for side in range(2))
    empty, long, unlike = (
        "an empty side",
        f"a side of more than {max_length:,} words",
        f"one side more than {max_ratio:g} times as long as the other",
    )
    remedies = {empty: "give pairs with text on both sides", long: "raise --max-words", unlike: "raise --max-ratio"}
    left_out: dict[str, list[int]] = {what: [] for what in remedies}
    kept: list[int] = []
    for at, (a, b) in enumerate(words):
        less, more = (a, b) if a < b else (b, a)
        if not less:
            left_out[empty].append(at)
        elif more > max_length:
            left_out[long].append(at)
        elif countable and more + 1 > max_ratio * (less + 1):
            left_out[unlike].append(at)
        else:
            kept.append(at)
    notes = [
        f"{len(those):,} pair{'s' if len(those) > 1 else ''} left out: {what} (first in line {pairs.line(those[0])})"
        for what, those in left_out.items()
        if those
    ]
    if not kept:
        helps = " or ".join(remedies[what] for what, those in left_out.items() if those) or "give some"
        raise DataError(f"no pairs are left: {'; '.join(notes) or 'there were none'}; {helps}")
    return Pairs(source, target, pairs.lines).pick(kept), notes

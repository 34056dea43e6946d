"""Bitext: read pairs of source and target texts from the common file formats.

    lines       two aligned files: line n of one corresponds to line n of the other
    tsv, csv    one file with two columns, by name, or by number if there is no header
    jsonl       objects with two keys, one per line or in an array; ``translation.de`` is the key "de" of the object
                under "translation"

All pairs are read into memory.
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
SOURCE_NAMES = ("source", "src", "input", "from", "question", "text", "document", "article")
SUMMARY_NAMES = ("summary", "headline", "highlights")
TARGET_NAMES = ("target", "tgt", "trg", "output", "translation", "to", "answer", "label", *SUMMARY_NAMES)
MOST = 1 << 23  # maximum number of pairs
CHARACTERS = 1 << 29  # maximum characters per side: a small compressed file can expand to any size


@checked
@dataclass(frozen=True)
class Pairs:
    """Aligned source and target texts.

    Raises:
        ArgumentError: the two lists have different lengths.
    """

    source: list[str]
    target: list[str]
    lines: list[int] = field(default_factory=list, compare=False, repr=False)
    """the line number of each pair in its file; empty: 1, 2, 3, …"""
    how: str = field(default="", compare=False, repr=False)
    """how the file was parsed, for messages"""
    summaries: bool = field(default=False, compare=False, repr=False)
    """whether the name of the target column says that the targets are summaries"""

    def __post_init__(self) -> None:
        if len(self.target) != len(self.source):
            raise ArgumentError("target", f"of the same length as source, {len(self.source):,}", len(self.target))

    def __len__(self) -> int:
        return len(self.source)

    def pick(self, indices: Iterable[int]) -> Pairs:
        """Return the pairs with these indices, from 0."""
        chosen = list(indices)
        return Pairs(
            [self.source[i] for i in chosen],
            [self.target[i] for i in chosen],
            [self.line(i) for i in chosen],
            self.how,
            self.summaries,
        )

    def texts(self) -> list[str]:
        """Return each pair as one text, to be compared with others."""
        return [f"{source}\t{target}" for source, target in zip(self.source, self.target, strict=True)]

    def line(self, index: int) -> int:
        """Return the line number of a pair."""
        return self.lines[index] if self.lines else index + 1

    def digest(self) -> str:
        """Return a SHA-256 digest of all texts."""
        return hashlib.sha256(json.dumps([self.source, self.target]).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class BitextLayout:
    """The format of bitext files."""

    form: Form = "auto"
    source_column: str | None = None
    """column name, key or (without a header) column number"""
    target_column: str | None = None
    header: bool | None = None
    """whether the first row is a header; None: if columns are given by name, or the row has usual column names"""
    delimiter: str = "auto"
    """column separator: one character, or tab; auto: detect"""
    encoding: str = "utf-8"
    errors: str = "strict"

    def __post_init__(self) -> None:
        check_encoding(self.encoding, self.errors)
        check_delimiter(self.delimiter)

    def refuse(self, names: Iterable[str], expected: str) -> None:
        """Raise ArgumentError for the first of these options that differs from its default."""
        for name in names:
            value = getattr(self, name)
            if value != getattr(BitextLayout, name):
                raise ArgumentError("--" + name.replace("_", "-"), expected, value)

    def form_of(self, source: str | Path, target: str | Path | None) -> str:
        """Return the form of these files: as given, or detected from the file name and the number of files."""
        if self.form != "auto":
            return self.form
        if self.delimiter != "auto" and form_by_name(Path(source), "lines") in ("lines", "csv"):
            return "csv"
        return form_by_name(Path(source), "lines" if target is not None else "tsv")


def read_pairs(source_path: Path, target_path: Path | None, layout: BitextLayout) -> Pairs:
    """Read all pairs of two aligned files, or of one file with both sides. Texts are not normalized.

    Raises:
        ArgumentError: the second file is missing, or is given for a file with both sides.
        DataError: a file is missing or cannot be read, files are not aligned, or a line or column is invalid.
    """
    for path in filter(None, (source_path, target_path)):
        if not os.path.isfile(path):  # unlike Path.is_file accepts names of any length
            raise DataError(
                f"there is no file {path}; give a file with one text per line, or with pairs (TSV, CSV, JSONL)"
            )
    form = _form(source_path, target_path, layout)
    collector, summaries = _PairCollector(source_path), False
    if target_path is not None:
        how = _read_aligned(collector, source_path, target_path, layout)
    else:
        columns = (
            Column("source", "--source-column", layout.source_column, SOURCE_NAMES),
            Column("target", "--target-column", layout.target_column, TARGET_NAMES),
        )
        file = TextFile(source_path, layout.encoding, layout.errors)
        example = '{"source": …, "target": …}'
        table = Table(file, form, columns, layout.header, layout.delimiter, True, example)
        how, parsed = table.read()
        for line, source, target in parsed:
            collector.add(source, target, line)
        how = "; ".join([how, *table.notes])
        summaries = table.chosen[-1:] != [] and table.chosen[-1].strip().lower() in SUMMARY_NAMES
    if not len(collector.pairs):
        raise DataError(f"{source_path} has no pairs; give a file with a source and a target in each line")
    return replace(collector.pairs, how=how, summaries=summaries)


def _form(source: Path, target: Path | None, layout: BitextLayout) -> str:
    form = layout.form_of(source, target)
    if form == "lines" and target is None:
        raise ArgumentError("target", f"the file whose line n corresponds to line n of {source}", None)
    if form != "lines" and target is not None:
        raise ArgumentError(
            "target",
            f"omitted: a file of form {form} contains both sides",
            str(target),
            "for two aligned files use --form lines",
        )
    if form == "lines":
        expected = "omitted for two aligned files, which have no columns"
        layout.refuse(("source_column", "target_column", "header", "delimiter"), expected)
    if form == "jsonl":
        layout.refuse(("header", "delimiter"), "omitted for JSON objects, which have keys instead of columns")
    return form


class _PairCollector:
    """Collect pairs, within limits on their number and size."""

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


def _read_aligned(collector: _PairCollector, source_path: Path, target_path: Path, layout: BitextLayout) -> str:
    """Read two aligned files; return how. Of a longer file the remaining lines are only counted, for the error."""
    counts = [0, 0]
    files = [TextFile(path, layout.encoding, layout.errors) for path in (source_path, target_path)]
    lone_cr = _lone_cr_aligns(files)
    for number, pair in enumerate(zip_longest(*(lines(file, lone_cr) for file in files)), 1):
        if pair[0] is not None and pair[1] is not None:
            collector.add(without_end(pair[0]), without_end(pair[1]), number)
        for side, line in enumerate(pair):
            counts[side] += line is not None
    if counts[0] != counts[1]:
        raise DataError(
            f"{source_path} has {counts[0]:,} lines and {target_path} has {counts[1]:,}; line n of one must "
            "correspond to line n of the other: give files with the same number of lines"
        )
    ends = [ends_of(file) for file in files]
    return f"line n corresponds to line n of {target_path}{ends[0]}" + (
        f"; there{ends[1]}" if ends[1] != ends[0] else ""
    )


def _lone_cr_aligns(files: list[TextFile]) -> bool:
    """Whether a lone ``\\r`` beside ``\\n`` ends a line: if so, both files have the same number of lines."""
    if not any(map(mixed_ends, files)):
        return False
    counts = [sum(1 for _ in lines(file, lone_cr=True)) for file in files]
    return counts[0] == counts[1]


def keep(pairs: Pairs, *, max_length: int, max_ratio: float) -> tuple[Pairs, list[str]]:
    """Filter pairs for training; return the remaining pairs, stripped of surrounding white space, and notes.

    Skips pairs with an empty side, pairs with a side of more than ``max_length`` words, and pairs with a ratio of
    lengths, (words + 1) : (words + 1), above ``max_ratio``. Words are separated by white space. If most texts of a side
    are a single word (dates, Chinese), words do not measure length, and the ratio is not used.

    Raises:
        DataError: no pairs remain; the message names the options that would keep more.
    """
    source, target = [text.strip() for text in pairs.source], [text.strip() for text in pairs.target]
    words = [(len(a.split()), len(b.split())) for a, b in zip(source, target, strict=True)]
    nonempty = [pair for pair in words if min(pair)]
    use_ratio = all(sum(pair[side] == 1 for pair in nonempty) <= len(nonempty) / 2 for side in range(2))
    empty, long, uneven = (
        "an empty side",
        f"a side of more than {max_length:,} words",
        f"one side more than {max_ratio:g} times as long as the other",
    )
    remedies = {empty: "give pairs with text on both sides", long: "raise --max-words", uneven: "raise --max-ratio"}
    skipped: dict[str, list[int]] = {reason: [] for reason in remedies}
    remaining: list[int] = []
    for index, (a, b) in enumerate(words):
        shorter, longer = (a, b) if a < b else (b, a)
        if not shorter:
            skipped[empty].append(index)
        elif longer > max_length:
            skipped[long].append(index)
        elif use_ratio and longer + 1 > max_ratio * (shorter + 1):
            skipped[uneven].append(index)
        else:
            remaining.append(index)
    notes = [
        f"{len(indices):,} pair{'s' if len(indices) > 1 else ''} skipped: {reason} (first in line "
        f"{pairs.line(indices[0])})"
        for reason, indices in skipped.items()
        if indices
    ]
    if not remaining:
        remedy = " or ".join(remedies[reason] for reason, indices in skipped.items() if indices) or "give some"
        raise DataError(f"no pairs remain: {'; '.join(notes) or 'the file has none'}; {remedy}")
    return Pairs(source, target, pairs.lines, pairs.how, pairs.summaries).pick(remaining), notes

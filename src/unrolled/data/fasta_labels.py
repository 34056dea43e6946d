"""Labels of FASTA sequences: a field of each header, or the name of the file.

>seq1 class=promoter        a key: class=…, class:… or [class=…]
>seq1|promoter              or the number of a field, from 1; fields are separated by white space or |
promoters.fa, others.fa     or a folder with a file per class
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError
from .fasta import FastaFile, Header, Record, fasta_by_name, is_fasta
from .labelled_folders import PARTS, class_folders
from .labelled_lines import LABEL_NAMES

_NUMBER = re.compile("[0-9]{1,9}")
_WITHOUT_LABEL = "write it as class=LABEL, or choose a field of the headers, by key or by number, with --label-column"


def labelled_records(file: FastaFile, requested: str | None) -> tuple[str, Iterator[tuple[int, str, str]]]:
    """Return how the labels were found, and (line number, sequence, label) of each sequence.

    Args:
        file: the file.
        requested: the key or the number of the field with the label; `None`: a usual key, or the second of two fields.

    Raises:
        DataError: the file is not FASTA, or has a header without a label.
    """
    changed: set[str] = set()
    found = list(file.records(changed))
    field = _field(file.path, found, requested)
    labels = [_label(file.path, header, field) for header, _ in found]
    what = [f"{len(found):,} sequences", f"label from the headers, {_described(field)}", *sorted(changed)]
    how = f"FASTA: {'; '.join(what)}"
    return how, iter([(header.line, record, label) for (header, record), label in zip(found, labels, strict=True)])


def fasta_files(folder: Path) -> list[Path]:
    """Return the FASTA files of a folder with a file per class; an empty list if there are none, or subfolders.

    Raises:
        DataError: a file's name is that of a part of the data, such as ``train``.
    """
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    if not files or not all(is_fasta(path) for path in files):
        return []
    for path in files:
        if class_of(path).lower() in PARTS:
            raise DataError(
                f"{folder}: the FASTA files of a folder are classes, but {path.name} is named like a part of the data; "
                "give the file of training sequences, and the other one with --test"
            )
    return files


def has_fasta(folder: Path, depth: int = 3) -> bool:
    """Return whether a folder has a FASTA file per class, or folders of FASTA files, such as those of classes."""
    try:
        if not folder.is_dir() or not depth:
            return False
        return bool(fasta_files(folder)) or any(has_fasta(inner, depth - 1) for inner in class_folders(folder))
    except (OSError, DataError):  # reading the data reports it
        return False


def class_of(path: Path) -> str:
    """Return the class that a file's name stands for: the name without the suffixes of FASTA and gzip."""
    stem = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return stem.stem if fasta_by_name(stem) else stem.name


def _field(path: Path, found: list[Record], requested: str | None) -> str | int:
    """Return the key or the number of the field with the label."""
    headers = [header.text for header, _ in found]
    if requested is not None:
        return int(requested) if _NUMBER.fullmatch(requested) else requested
    for name in LABEL_NAMES:
        if all(_value(header, name) for header in headers):
            return name
    if all(len(_fields(header)) == 2 for header in headers):
        return 2
    line = found[0].header.line
    raise DataError(f"{path}, line {line}: no label in the header {_short(headers[0])}; {_WITHOUT_LABEL}")


def _label(path: Path, header: Header, field: str | int) -> str:
    if isinstance(field, str):
        label = _value(header.text, field)
    else:
        label = dict(enumerate(_fields(header.text), 1)).get(field, "")
    if not label:
        raise DataError(
            f"{path}, line {header.line}: the header {_short(header.text)} has no {_described(field)}; {_WITHOUT_LABEL}"
        )
    return label


def _value(header: str, key: str) -> str:
    """Return the value of a key, or an empty text: ``[key=a value]``, ``key=value`` or ``key:value``."""
    name = re.escape(key)
    found = re.search(rf"\[{name}=([^\]]*)\]", header, re.IGNORECASE)
    found = found or re.search(rf"(?:^|[\s|;,]){name}[=:]\s*([^\s|;,]+)", header, re.IGNORECASE)
    return found.group(1).strip() if found else ""


def _fields(header: str) -> list[str]:
    return [field for field in re.split(r"[\s|]+", header) if field]


def _described(field: str | int) -> str:
    return f"{field}=…" if isinstance(field, str) else f"field {field}"


def _short(header: str) -> str:
    return repr(header if len(header) <= 60 else f"{header[:60]}…")

"""Resolve ``--data`` to a corpus: a name, a file, a folder or a glob pattern."""

from __future__ import annotations

import glob
import os
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..checks import checked
from ..errors import ArgumentError, DataError
from .corpus import Corpus
from .fasta import Ambiguous, Case, FastaFile, is_fasta
from .generated_dna import GENOME, Genome
from .near import missing
from .parts import named_parts, parts_among
from .published import NAMED, PARTED
from .registry import fetch
from .textfile import LineEnds, LiteralText, TextFile, check_encoding, is_foreign

STDLIB = "stdlib"
LITERAL = "text:"
FASTA = "FASTA: every sequence is a document that ends with a newline; headers are skipped"
_NOT_STDLIB = frozenset(["site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"])


@checked
def open_corpus(
    spec: str,
    *,
    separator: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    line_ends: LineEnds | None = "keep",
    zeros: bool = False,
    parts: bool = False,
    full_lines: bool = False,
    fasta: bool | None = False,
    case: Case = "upper",
    ambiguous: Ambiguous = "keep",
) -> Corpus:
    """Open the corpus that ``spec`` names.

    Args:
        spec: 'stdlib' (the source code of the running Python's standard library), another named corpus
            ('shakespeare', 'genome'), 'text:…' for the text itself, a file, a folder (its text files, recursively,
            sorted by path) or a glob pattern.
        separator: documents end after each occurrence of this text.
        encoding: how files are decoded, as in `open`.
        errors: what to do with bytes that cannot be decoded, as in `open`.
        line_ends: "unify" converts ``\\r\\n`` and ``\\r`` to ``\\n``, "keep" does not; both remove byte order marks.
            `None` changes nothing.
        zeros: whether zero bytes are allowed.
        parts: whether files named train, valid and test of a folder or pattern are the parts of the corpus, and other
            files are not read (see `parts.parts_among`); the named corpora that have parts always do.
        full_lines: end every nonempty file with a line break.
        fasta: whether files are FASTA; `None`: if their name and their first character say so.
        case: lower-case letters of FASTA sequences: see `FastaFile`.
        ambiguous: codes of several nucleotides in FASTA sequences: see `FastaFile`.

    Raises:
        DataError: the file does not exist, is empty, or is not a text file.
    """
    check_encoding(encoding, errors)
    if spec == STDLIB:
        return _standard_library(separator, line_ends)
    if spec == GENOME:
        return Corpus(spec, [Genome()])
    notes: list[str] = []
    if spec in PARTED:
        files = [TextFile(path, line_ends=line_ends) for path in named_parts(spec, notes)]
        return Corpus(spec, files, separator, notes, line_ends, parts=_ones(parts, files), full_lines=full_lines)
    if spec in NAMED:
        file = TextFile(fetch(spec), line_ends=line_ends)
        return Corpus(spec, [file], separator, line_ends=line_ends, full_lines=full_lines)
    if spec.startswith(LITERAL):
        if spec == LITERAL:
            raise DataError("'text:' must be followed by a text, for example --data text:hello")
        text = LiteralText(spec.removeprefix(LITERAL))  # without conversion of line endings
        return Corpus(spec, [text], separator, full_lines=full_lines)
    path = Path(os.path.expanduser(spec))
    options = _ReadOptions(encoding, errors, line_ends, zeros, fasta, case, ambiguous)
    if not spec or len(os.fsencode(path.name)) > 255:  # too long for a file name; some systems raise an error
        raise missing("file, folder or named corpus", spec, named_corpora(), "a path, a pattern such as 'texts/*.txt'")
    if path.is_dir():
        paths = _walk(path)
        candidates = [inside for inside in paths if inside.parent == path]
        kind = "folder"
    elif path.exists():
        file = _single(path, options)
        if isinstance(file, FastaFile):
            if separator is not None:
                raise ArgumentError("separator", "omitted with FASTA, whose sequences are documents", separator)
            notes.append(FASTA)
        return Corpus(spec, [file], separator, notes, line_ends, full_lines=full_lines)
    elif glob.has_magic(spec):
        matches = sorted(Path(p) for p in glob.glob(str(path), recursive=True))
        paths = candidates = [p for p in matches if not p.is_dir()]
        kind = "pattern"
    else:
        raise missing("file, folder or named corpus", spec, named_corpora(), "a path, a pattern such as 'texts/*.txt'")
    if parts and (named := parts_among(candidates)):
        if others := len(paths) - len(named):
            notes.append(f"{others} other file{'s are' if others > 1 else ' is'} not read")
        files = [_single(path, options) for path in named]
        return Corpus(spec, files, separator, notes, line_ends, parts=_ones(parts, files), full_lines=full_lines)
    found = _text_files(paths, options, notes)
    if not found:
        skipped = f" ({'; '.join(notes)})" if notes else ""
        raise DataError(f"no text files found: {kind} {spec!r}{skipped}; give a text file or a folder of them")
    return Corpus(spec, found, separator, notes, line_ends, full_lines=full_lines)


def named_corpora() -> dict[str, str]:
    """Return the names that `open_corpus` accepts → titles."""
    titles = {name: dataset.title for name, dataset in NAMED.items() if dataset.use == "lm" and "/" not in name}
    own = {
        STDLIB: "source code of the running Python's standard library, without tests",
        GENOME: "DNA: genes between background sequence (generated)",
    }
    return own | titles | PARTED


def _ones(parts: bool, files: Sequence[TextFile]) -> list[int] | None:
    """Return the number of files in each part of a corpus whose files are its parts."""
    return [1] * len(files) if parts else None


class _ReadOptions(NamedTuple):
    """How files are decoded."""

    encoding: str
    errors: str
    line_ends: LineEnds | None
    zeros: bool
    fasta: bool | None
    case: Case
    ambiguous: Ambiguous

    def file(self, path: Path) -> TextFile:
        """Return the file of this path."""
        if self.fasta or (self.fasta is None and is_fasta(path)):
            return FastaFile(path, self.encoding, self.errors, case=self.case, ambiguous=self.ambiguous)
        return TextFile(path, self.encoding, self.errors, self.line_ends, self.zeros)


def _single(path: Path, options: _ReadOptions) -> TextFile:
    if not path.is_file():
        raise DataError(f"{path} is not a regular file, which must be readable more than once; save it to a file first")
    if not os.access(path, os.R_OK):
        raise DataError(f"cannot read {path}: permission denied; change its permissions or copy it")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; give a file with text")
    file = options.file(path)
    if next(file.read(), "") == "":  # also raises errors for binary and undecodable files
        raise DataError(f"{path} has no text; give a file with text")
    return file


def _walk(folder: Path, without: frozenset[str] = frozenset()) -> list[Path]:
    """Return the files below ``folder``, sorted by path, without hidden ones and folders in ``without``."""
    found: list[str] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in without]
        found += [os.path.join(parent, name) for name in names if not name.startswith(".")]
    return [Path(path) for path in sorted(found, key=lambda path: path.split(os.sep))]


def _text_files(paths: Iterable[Path], options: _ReadOptions, notes: list[str]) -> list[TextFile]:
    """Return the text files of ``paths``; append notes on skipped files."""
    text_files: list[TextFile] = []
    binary = empty = other = foreign = 0
    for path in paths:
        file = TextFile(path, options.encoding, options.errors, options.line_ends, options.zeros)
        if options.line_ends is not None and is_foreign(path):
            foreign += 1
        elif not path.is_file():
            other += 1
        elif path.stat().st_size == 0:
            empty += 1
        elif file.looks_binary():
            binary += 1
        else:
            text_files.append(options.file(path))
    for count, what in ((binary, "binary"), (empty, "empty"), (other, "special"), (foreign, "system")):
        if count:
            notes.append(f"{count} {what} file{'s' if count > 1 else ''} skipped")
    if count := sum(isinstance(file, FastaFile) for file in text_files):
        notes.append(f"{count:,} of {len(text_files):,} files: {FASTA}")
    return text_files


def _standard_library(separator: str | None, line_ends: LineEnds | None) -> Corpus:
    """Return the ``.py`` files of the standard library of this Python, decoded by their coding lines (PEP 263)."""
    root = Path(os.__file__).resolve().parent
    files, notes = [], []
    for path in _walk(root, without=_NOT_STDLIB):
        if path.suffix != ".py" or path.stat().st_size == 0:
            continue
        try:
            with path.open("rb") as file:
                files.append(TextFile(path, tokenize.detect_encoding(file.readline)[0], line_ends=line_ends))
        except SyntaxError:
            notes.append(f"{path} skipped: its coding line is invalid")
    if not files:
        raise DataError(f"this Python has no source code of its standard library in {root}; give --data FILE")
    return Corpus(STDLIB, files, separator, notes, line_ends)

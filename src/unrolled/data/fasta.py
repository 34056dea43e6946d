"""FASTA files: sequences of nucleotides or amino acids, each below a header.

    >seq1 class=promoter      a header: the name, and further fields
    ACGTTGACAnnnryACGT        the sequence, in any number of lines

A sequence consists of letters, ``*`` (a stop codon) and ``-`` (an alignment gap). White space in it, and lines that
begin with ``;`` (comments), are skipped. Lines of any length are read in blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from ..errors import DataError
from .textfile import BLOCK, TextFile

SUFFIXES = frozenset((".fa", ".fas", ".fasta", ".fna", ".ffn", ".faa", ".frn", ".fsa"))
LONGEST_HEADER = 1 << 20  # characters
LONGEST = 1 << 24  # letters of a sequence that is kept in memory

Case = Literal["upper", "keep"]
Ambiguous = Literal["keep", "n", "cut"]

_OUTSIDE = re.compile(r"[^A-Za-z*-]")
_CODES = "RYSWKMBDHV"  # IUPAC: two or three of the nucleotides
_TO_N = str.maketrans(_CODES + _CODES.lower(), "N" * len(_CODES) + "n" * len(_CODES))
_NO_NUCLEOTIDE = re.compile(rf"[^ACGTUN{_CODES}*-]", re.IGNORECASE)
_AMBIGUOUS = re.compile(r"[^ACGTU]+", re.IGNORECASE)
_LOWER = re.compile("[a-z]")

LOWER_CASE = "lower-case letters (soft-masked sequence) read as upper case; --case keep keeps them"
TO_N = "nucleotide codes such as R and Y read as N"
CUT = "sequences cut at codes other than A, C, G, T and U, such as N"


class Header(NamedTuple):
    """A header, without ``>``, and its line number from 1."""

    text: str
    line: int


class Record(NamedTuple):
    """A sequence with its header."""

    header: Header
    sequence: str


def fasta_by_name(path: Path) -> bool:
    """Return whether a file's name has a suffix of FASTA files, possibly before .gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return bool(suffixes) and suffixes[-1] in SUFFIXES


def is_fasta(path: Path) -> bool:
    """Return whether a file is FASTA, judged by its name and its first character.

    Raises:
        DataError: the file cannot be read.
    """
    return fasta_by_name(path) and path.is_file() and TextFile(path).head().lstrip()[:1] in (b">", b";")


@dataclass(frozen=True)
class FastaFile(TextFile):
    """A FASTA file. Read as text, it consists of its sequences, each with a newline at its end.

    ``case``: "upper" converts lower-case letters, which mark repeats (soft-masking). ``ambiguous``: of the codes other
    than A, C, G, T, U and N, "keep" keeps all, "n" reads those of nucleotides as N, and "cut" ends a text before each
    run of such codes and N, and begins another one after it.
    """

    case: Case = "upper"
    ambiguous: Ambiguous = "keep"
    separator: ClassVar[str | None] = "\n"

    def read(self, changed: set[str] | None = None) -> Iterator[str]:
        """Yield the sequences in nonempty pieces of about `BLOCK` characters; conversions are added to ``changed``.

        Raises:
            DataError: the file cannot be read, or is not FASTA.
        """
        held: list[str] = []
        size, ended = 0, True  # whether a newline was last
        for piece in self._texts(set() if changed is None else changed):
            piece = piece.removeprefix("\n") if ended else piece
            if piece:
                ended = piece.endswith("\n")
                held.append(piece)
                size += len(piece)
            if size >= BLOCK:
                yield "".join(held)
                held, size = [], 0
        if held:
            yield "".join(held)

    def _texts(self, changed: set[str]) -> Iterator[str]:
        """Yield the sequences, each with a newline before and after it."""
        for part in self._parts(changed):
            yield "\n" if isinstance(part, Header) else part
        yield "\n"

    def records(self, changed: set[str] | None = None) -> Iterator[Record]:
        """Yield the sequences with their headers; conversions are added to ``changed``.

        Raises:
            DataError: the file cannot be read or is not FASTA, or a sequence has more than `LONGEST` letters.
        """
        header: Header | None = None
        parts: list[str] = []
        size = 0
        for part in self._parts(set() if changed is None else changed):
            if isinstance(part, Header):
                if header is not None:
                    yield Record(header, "".join(parts))
                header, parts, size = part, [], 0
                continue
            parts.append(part)
            size += len(part)
            if size > LONGEST and header is not None:
                raise DataError(
                    f"{self.path}, line {header.line}: the sequence has over {LONGEST:,} letters; cut it into pieces"
                )
        assert header is not None
        yield Record(header, "".join(parts))

    def _parts(self, changed: set[str]) -> Iterator[Header | str]:
        """Yield each header, then the pieces of its sequence, checked and converted."""
        header: Header | None = None
        empty = False  # whether the sequence after the header has no letter yet
        for line, text, begins in _lines(self):
            if begins and text.startswith(";"):
                continue
            if begins and text.startswith(">"):
                if empty and header is not None:
                    raise self._without_sequence(header)
                header, empty = Header(text[1:].strip(), line), True
                if not header.text:
                    raise DataError(f"{self.path}, line {line} is a header without a name; write a name after >")
                yield header
            elif sequence := "".join(text.split()):
                if header is None:
                    raise DataError(
                        f"{self.path}, line {line} is not FASTA: a sequence needs a header, a line that begins with >"
                    )
                empty = False
                yield self._converted(sequence, line, changed)
        if header is None:
            raise DataError(f"{self.path} has no FASTA sequence; give a file with a header line, >NAME, and a sequence")
        if empty:
            raise self._without_sequence(header)

    def _converted(self, sequence: str, line: int, changed: set[str]) -> str:
        if wrong := _OUTSIDE.search(sequence):
            raise DataError(
                f"{self.path}, line {line} has {wrong.group()!r} in a sequence, which consists of letters, * and -; "
                "remove it"
            )
        if self.case == "upper" and _LOWER.search(sequence):
            changed.add(LOWER_CASE)
            sequence = sequence.upper()
        if self.ambiguous == "n":
            if wrong := _NO_NUCLEOTIDE.search(sequence):
                raise DataError(
                    f"{self.path}, line {line} has {wrong.group()!r}, which is not the code of a nucleotide; omit "
                    "--ambiguous n for proteins"
                )
            if (converted := sequence.translate(_TO_N)) != sequence:
                changed.add(TO_N)
                sequence = converted
        elif self.ambiguous == "cut" and _AMBIGUOUS.search(sequence):
            changed.add(CUT)
            sequence = _AMBIGUOUS.sub("\n", sequence)
        return sequence

    def _without_sequence(self, header: Header) -> DataError:
        name = header.text if len(header.text) <= 60 else f"{header.text[:60]}…"
        return DataError(
            f"{self.path}, line {header.line}: the header {name!r} has no sequence below it; add one, or remove it"
        )

    def fingerprint(self) -> list[object]:
        return [*super().fingerprint(), "fasta", self.case, self.ambiguous]


def _lines(file: TextFile) -> Iterator[tuple[int, str, bool]]:
    """Yield the lines of a file, long lines of sequences in pieces: line number, text, whether it begins the line."""
    number, begins, held = 1, True, ""
    for block in _decoded(file):
        *whole, rest = (held + block).split("\n")
        for line in whole:
            yield number, line, begins
            number, begins = number + 1, True
        held = rest if begins and rest[:1] in (">", ";") else ""
        if len(held) > LONGEST_HEADER:
            raise DataError(f"{file.path}, line {number}: a header has over {LONGEST_HEADER:,} characters; shorten it")
        if rest and not held:
            yield number, rest, begins
            begins = False
    if held:
        yield number, held, True


def _decoded(file: TextFile) -> Iterable[str]:
    return TextFile(file.path, file.encoding, file.errors, "unify").read()

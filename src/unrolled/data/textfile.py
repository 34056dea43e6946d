"""Text files, decoded block by block with constant memory.

Byte order marks, line endings and zero bytes are handled here for all readers.
"""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal, cast

from ..errors import ArgumentError, DataError
from .encodings import AUTO, UTF8, WINDOWS, guess

BLOCK = 1 << 18  # bytes per read
MISREAD = 8  # more than one zero in this many characters indicates a wrong encoding
SNIFF = 1 << 13  # bytes examined to distinguish text from binary files
ERRORS = ("strict", "replace", "ignore", "backslashreplace")
MARK = "\ufeff"
GUESSED = "read as Windows-1252, because it is not UTF-8 (--encoding overrides)"

LineEnds = Literal["unify", "keep"]
_ALONE = re.compile(r"\r(?!\r?\n)")
_ENDS = {"\r\n": "CRLF", "\r": "CR"}


@dataclass(frozen=True)
class TextFile:
    """A file and how to decode it. Files with the suffix .gz are decompressed.

    ``encoding``: "auto" is UTF-8, or Windows-1252 if `encodings.guess` says so (only with ``errors`` "strict").
    ``line_ends``: "keep" removes a byte order mark, "unify" also converts ``\\r\\n`` and ``\\r`` to ``\\n``; `None`
    changes nothing.
    """

    path: Path
    encoding: str = "utf-8"
    errors: str = "strict"
    line_ends: LineEnds | None = "keep"
    zeros: bool = False
    """whether zero bytes are allowed, as for byte-level models"""
    separator: ClassVar[str | None] = None
    """the end of a document in files of this format"""

    @property
    def codec(self) -> str:
        """The encoding, or the guessed one."""
        if self.encoding != AUTO:
            return self.encoding
        if self.errors != "strict" or not self.path.is_file():  # a pipe can be read only once
            return UTF8
        _, size, time, *_ = self.fingerprint()
        return _guessed(self.path, size, time)

    @property
    def is_guessed(self) -> bool:
        """Whether the encoding is a guess other than UTF-8."""
        return self.encoding == AUTO and self.codec != UTF8

    def read(self, changed: set[str] | None = None) -> Iterator[str]:
        """Yield the text in nonempty pieces; conversions are added to ``changed`` (see `describe_changes`).

        Raises:
            DataError: the file cannot be read as text.
        """
        changed = set() if changed is None else changed
        unify = io.IncrementalNewlineDecoder(None, translate=True) if self.line_ends == "unify" else None
        begun = self.line_ends is None
        for text in self._decoded():
            if not begun and text.startswith(MARK):
                text = text[1:]
                changed.add(MARK)
            begun = True
            if unify is not None:
                text = unify.decode(text)  # holds back a final \r, which an \n may follow
            if text:
                yield text
        if unify is not None:
            if rest := unify.decode("", final=True):
                yield rest
            changed |= {unify.newlines} if isinstance(unify.newlines, str) else set(unify.newlines or ())

    def _decoded(self) -> Iterator[str]:
        """Yield the decoded text, before conversions, in nonempty pieces."""
        zero = "\0" if self.zeros else {"strict": None, "ignore": "", "replace": "\ufffd"}.get(self.errors, r"\x00")
        codec = self.codec
        decoder = codecs.getincrementaldecoder(codec)(self.errors)
        consumed = ends = 0  # bytes decoded so far, and line ends in them
        blocks = self.blocks()
        while True:
            block = next(blocks, b"")
            zeros = b"\0" in block and not has_zero_bytes(codec)
            if zeros and (zero is None or (not consumed and looks_wide(block))):
                raise self._zero(block, consumed, ends + _count_ends(block[: block.index(0)]) + 1)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise self._undecodable(error, consumed - held + error.start) from None
            except UnicodeError as error:  # UTF-16 or UTF-32 without a byte order mark
                raise DataError(
                    f"{self.path} cannot be read as {codec}: {error}; use --encoding {codec}-le or "
                    f"{codec}-be if that is its encoding"
                ) from None
            if has_zero_bytes(codec):  # a few zero characters are possible; many indicate another encoding
                if text.count("\0") * MISREAD > len(text):
                    raise self._zero_character(text, ends)
            elif zeros:
                text = text.replace("\0", zero or "")
            if text:
                yield text
            if not block:
                return
            consumed += len(block)
            ends += _count_ends(block)

    def blocks(self) -> Iterator[bytes]:
        """Yield the decompressed bytes in blocks; raise `DataError` if they cannot be read."""
        try:
            with self.open() as file:
                while block := file.read(BLOCK):
                    yield block
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot read {self.path}: {_reason(error)}") from error

    def open(self) -> BinaryIO:
        """Open the file for reading bytes, decompressed if it is a .gz file."""
        return cast(BinaryIO, gzip.open(self.path)) if self.path.suffix == ".gz" else self.path.open("rb")

    def fingerprint(self) -> list[object]:
        """Return a list that changes if the file is modified or an option changes."""
        try:
            stat = self.path.stat()
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {_reason(error)}") from error
        rule = [*([] if self.line_ends is None else [self.line_ends]), *(["zeros"] if self.zeros else [])]
        return [str(self.path), stat.st_size, stat.st_mtime_ns, self.encoding, self.errors, *rule]

    def looks_binary(self) -> bool:
        """Whether the first few thousand bytes have a zero byte (unless the encoding has them), or are a PDF."""
        head = self.head()
        return not has_zero_bytes(self.codec) and (b"\0" in head or head.startswith(b"%PDF-"))

    def head(self) -> bytes:
        """Return the first few thousand bytes."""
        try:
            with self.open() as file:
                return file.read(SNIFF)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot read {self.path}: {_reason(error)}") from error

    def _zero(self, block: bytes, before: int, line: int) -> DataError:
        """Return the error for a zero byte in a block, with a remedy that depends on the file."""
        what = f"has a zero byte at offset {before + block.index(0):,} (line {line:,}), which text does not have"
        remedy = "remove it, or use --errors ignore to skip it, or --errors replace to read U+FFFD"
        if not before and (encoding := _encoding_of(block)):
            remedy = f"it looks like {encoding[:6].upper()}: use --encoding {encoding}"
        elif block.count(0) > max(10, len(block) // 100):
            what, remedy = f"is not a text file: it {what}, and many more", "give a text file"
        return DataError(f"{self.path} {what}; {remedy}")

    def _zero_character(self, text: str, ends: int) -> DataError:
        """Return the error for many zero characters in UTF-16 or UTF-32."""
        line = ends + _count_ends(text[: text.index("\0")].encode(errors="replace")) + 1
        other = _encoding_of(self.head())
        remedy = f"it looks like {other[:6].upper()}: use --encoding {other}"
        if not other or other[:6] == self.codec.lower().replace("_", "-")[:6]:
            remedy = "give the right --encoding"
        return DataError(
            f"{self.path} has many zeros (U+0000, first in line {line:,}) when read as {self.codec}; {remedy}"
        )

    def _undecodable(self, error: UnicodeDecodeError, offset: int) -> DataError:
        bad = error.object[error.start : error.start + 1].hex()
        other = "utf-8" if self.codec.lower().replace("_", "-").startswith("latin") else "latin-1"
        if self.codec.lower().replace("_", "-") in (UTF8, "utf8") and self.path.is_file():
            other = WINDOWS if guess(self.blocks) == WINDOWS else other
        other = (not offset and _encoding_of(error.object)) or other
        return DataError(
            f"{self.path} is not valid {self.codec}: byte 0x{bad} at offset {offset} ({error.reason}); "
            f"use --encoding {other} if that is its encoding, or --errors replace"
        )


@lru_cache
def _guessed(path: Path, size: int, time: int) -> str:
    """Return the guessed encoding of a file; ``size`` and ``time`` of its last change make the cached answer valid."""
    return guess(TextFile(path, UTF8).blocks)


@dataclass(frozen=True)
class LiteralText:
    """A literal text in place of a file."""

    text: str
    separator: ClassVar[str | None] = None

    def read(self, changed: set[str] | None = None) -> Iterator[str]:
        yield self.text

    def fingerprint(self) -> list[object]:
        return ["text:", self.text]


def describe_changes(changed: Collection[str], remedy: str = "") -> list[str]:
    """Describe the conversions of `TextFile.read`, of which those of a format are sentences already; ``remedy`` tells
    how to keep line endings."""
    ends = " and ".join(name for end, name in _ENDS.items() if end in changed)
    notes = [rf"{ends} line endings converted to \n{remedy}"] if ends else []
    notes += ["byte order mark removed"] if MARK in changed else []
    return [*notes, *sorted(change for change in changed if " " in change)]


def normal(text: str, line_ends: LineEnds | None) -> str:
    """Convert a text as `TextFile` does with ``line_ends``."""
    text = text if line_ends is None else text.removeprefix(MARK)
    return text.replace("\r\n", "\n").replace("\r", "\n") if line_ends == "unify" else text


def ends_of(file: TextFile) -> str:
    """Describe unusual encoding and line endings, from the first block of a file: ``; CRLF line endings``."""
    changed: set[str] = set()
    sample = next(TextFile(file.path, file.encoding, file.errors).read(changed), "")
    unify = io.IncrementalNewlineDecoder(None, translate=True)
    unify.decode(sample)
    ends = {unify.newlines} if isinstance(unify.newlines, str) else set(unify.newlines or ())
    names = [name for end, name in {**_ENDS, "\n": "LF"}.items() if end in ends]
    parts = [] if file.codec.lower() in ("utf-8", "utf8") else [GUESSED if file.is_guessed else file.codec]
    parts += [f"{' and '.join(names)} line endings"] if ends - {"\n"} else []
    return "".join(f"; {part}" for part in [*parts, *(["byte order mark removed"] if MARK in changed else [])])


def mixed_ends(file: TextFile) -> bool:
    """Whether a file has both a lone ``\\r`` and ``\\n``."""
    lone_cr, lf, held = False, False, ""
    for text in itertools.chain(file.read(), [" "]):
        text = held + text
        held = text[len(text.rstrip("\r")) :]  # an \n may follow
        lone_cr = lone_cr or ("\r" in text and _ALONE.search(text, 0, len(text) - len(held)) is not None)
        lf = lf or "\n" in text
    return lone_cr and lf


def looks_wide(begin: bytes) -> bool:
    """Whether a file with this beginning is UTF-16 or UTF-32, judged by its byte order mark or its zero bytes."""
    return bool(_encoding_of(begin))


def _encoding_of(begin: bytes) -> str:
    """Return the UTF-32 or UTF-16 encoding of a file with this beginning; "" if it is neither."""
    if begin.startswith(
        (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
    ):  # checked first: the little-endian mark starts with that of UTF-16
        return "utf-32"
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = begin[: min(SNIFF, len(begin) // 4 * 4)]
    for name, zeros, lowest in (("utf-32-le", (2, 3), 0), ("utf-32-be", (1, 0), 3)):
        if (
            sample
            and not any(sample[zeros[1] :: 4])
            and 2 * sample[zeros[0] :: 4].count(0) > len(sample) // 4
            and all(sample[lowest::4])
        ):
            return name
    sample = begin[:SNIFF]
    for name, zeros_at, others in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        if len(sample) > 3 and 2 * zeros_at.count(0) > len(zeros_at) and not others.count(0):
            return name
    return ""


def _count_ends(block: bytes) -> int:
    return block.count(b"\n") or block.count(b"\r")


def is_foreign(path: Path) -> bool:
    """Whether the name is that of a file left by an operating system or editor."""
    name = path.name.lower()
    return name.startswith("~$") or name in ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")


def has_zero_bytes(encoding: str) -> bool:
    """Whether text in this encoding has zero bytes."""
    return re.fullmatch(r"utf[-_]?(16|32)([-_]?[bl]e)?", encoding.lower()) is not None


def check_encoding(encoding: str, errors: str) -> None:
    """Raise ArgumentError if the encoding or error handler is unknown."""
    try:
        encoding = UTF8 if encoding == AUTO else encoding
        codecs.getincrementaldecoder(encoding)
        known = codecs.lookup(encoding)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        raise ArgumentError("encoding", "the name of a text encoding, such as utf-8 or latin-1", encoding)
    if errors not in ERRORS:
        raise ArgumentError("errors", f"one of {', '.join(ERRORS)}", errors)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__

"""One text file, decoded piece by piece: never more than a block of it is in memory.

What is not text is dealt with here, once for every reader: the byte order mark at the beginning, line ends of other
systems, and zero bytes.
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
from pathlib import Path
from typing import BinaryIO, Literal, cast

from ..errors import ArgumentError, DataError

BLOCK = 1 << 18  # bytes read at once
MISREAD = 8  # a text with more than one character of so many zero was read in a wrong encoding
SNIFF = 1 << 13  # bytes looked at to tell text from binary
ERRORS = ("strict", "replace", "ignore", "backslashreplace")
MARK = "\ufeff"

LineEnds = Literal["unify", "keep"]
_ALONE = re.compile(r"\r(?!\r?\n)")
_ENDS = {"\r\n": "CRLF", "\r": "CR"}


@dataclass(frozen=True)
class TextFile:
    """A file and how to decode it. Names that end in .gz are decompressed.

    ``line_ends``: "keep" leaves a byte order mark out, "unify" also reads ``\\r\\n`` and ``\\r`` as ``\\n``; `None`
    changes nothing.
    """

    path: Path
    encoding: str = "utf-8"
    errors: str = "strict"
    line_ends: LineEnds | None = "keep"
    zeros: bool = False
    """whether zero bytes are text, as for a model of bytes"""

    def read(self, changed: set[str] | None = None) -> Iterator[str]:
        """The text in pieces, none empty; to ``changed`` is added what is read as something else (see `told`).

        Raises:
            DataError: it cannot be read as text; the message is one line.
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
                text = unify.decode(text)  # holds an \r at the end back: an \n may follow
            if text:
                yield text
        if unify is not None:
            if rest := unify.decode("", final=True):
                yield rest
            changed |= {unify.newlines} if isinstance(unify.newlines, str) else set(unify.newlines or ())

    def _decoded(self) -> Iterator[str]:
        """The text as it stands there, in pieces, none empty."""
        zero = "\0" if self.zeros else {"strict": None, "ignore": "", "replace": "\ufffd"}.get(self.errors, r"\x00")
        decoder = codecs.getincrementaldecoder(self.encoding)(self.errors)
        consumed = ends = 0  # bytes, and line ends among them, given to the decoder so far
        blocks = self.blocks()
        while True:
            block = next(blocks, b"")
            zeros = b"\0" in block and not has_zero_bytes(self.encoding)
            if zeros and (zero is None or (not consumed and looks_wide(block))):
                raise self._zero(block, consumed, ends + _count_ends(block[: block.index(0)]) + 1)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise self._undecodable(error, consumed - held + error.start) from None
            except UnicodeError as error:  # UTF-16 or 32 without the mark that tells the order of its bytes
                raise DataError(
                    f"{self.path} cannot be read as {self.encoding}: {error}; use --encoding {self.encoding}-le or "
                    f"{self.encoding}-be if that is what it is"
                ) from None
            if has_zero_bytes(self.encoding):  # a text may have a character 0 there; one of many is of another encoding
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
        """The bytes, decompressed, in blocks; DataError if they cannot be read."""
        try:
            with self.open() as file:
                while block := file.read(BLOCK):
                    yield block
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot read {self.path}: {_reason(error)}") from error

    def open(self) -> BinaryIO:
        """The file, opened for reading bytes, decompressed if it is a .gz file."""
        return cast(BinaryIO, gzip.open(self.path)) if self.path.suffix == ".gz" else self.path.open("rb")

    def fingerprint(self) -> list[object]:
        """Changes when the file is written to, or is to be read in another way."""
        try:
            stat = self.path.stat()
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {_reason(error)}") from error
        rule = [*([] if self.line_ends is None else [self.line_ends]), *(["zeros"] if self.zeros else [])]
        return [str(self.path), stat.st_size, stat.st_mtime_ns, self.encoding, self.errors, *rule]

    def looks_binary(self) -> bool:
        """Whether the first few thousand bytes have a zero byte, which text in a byte encoding never has; or a PDF."""
        head = self.head()
        return not has_zero_bytes(self.encoding) and (b"\0" in head or head.startswith(b"%PDF-"))

    def head(self) -> bytes:
        """The first few thousand bytes."""
        try:
            with self.open() as file:
                return file.read(SNIFF)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot read {self.path}: {_reason(error)}") from error

    def _zero(self, block: bytes, before: int, line: int) -> DataError:
        """The error of a zero byte in a block, with a way on that fits the file."""
        what = f"has a zero byte at offset {before + block.index(0):,} (line {line:,}), which no text has"
        remedy = "remove it, or leave it out with --errors ignore, or read U+FFFD there with --errors replace"
        if not before and (encoding := _encoding_of(block)):
            remedy = f"it looks like {encoding[:6].upper()}: use --encoding {encoding}"
        elif block.count(0) > max(10, len(block) // 100):
            what, remedy = f"is not a text file: it {what}, and many more", "give a text file"
        return DataError(f"{self.path} {what}; {remedy}")

    def _zero_character(self, text: str, ends: int) -> DataError:
        """The error of many zeros among the characters of an encoding in which zero bytes are ordinary."""
        line = ends + _count_ends(text[: text.index("\0")].encode(errors="replace")) + 1
        other = _encoding_of(self.head())
        remedy = f"it looks like {other[:6].upper()}: use --encoding {other}"
        if not other or other[:6] == self.encoding.lower().replace("_", "-")[:6]:
            remedy = "name the right --encoding"
        return DataError(
            f"{self.path} has many zeros (U+0000, first in line {line:,}) as {self.encoding}, as no text has; {remedy}"
        )

    def _undecodable(self, error: UnicodeDecodeError, offset: int) -> DataError:
        bad = error.object[error.start : error.start + 1].hex()
        other = "utf-8" if self.encoding.lower().replace("_", "-").startswith("latin") else "latin-1"
        other = (not offset and _encoding_of(error.object)) or other
        return DataError(
            f"{self.path} is not valid {self.encoding}: byte 0x{bad} at offset {offset} ({error.reason}); "
            f"use --encoding {other} if that is what it is, or --errors replace"
        )


@dataclass(frozen=True)
class LiteralText:
    """Text given as it is, in place of a file."""

    text: str

    def read(self, changed: set[str] | None = None) -> Iterator[str]:
        yield self.text

    def fingerprint(self) -> list[object]:
        return ["text:", self.text]


def told(changed: Collection[str], remedy: str = "") -> list[str]:
    """What `TextFile.read` has read as something else, for a person; ``remedy`` names how to keep line ends."""
    ends = " and ".join(name for end, name in _ENDS.items() if end in changed)
    notes = [rf"{ends} line ends read as \n{remedy}"] if ends else []
    return [*notes, "byte order mark left out"] if MARK in changed else notes


def normal(text: str, line_ends: LineEnds | None) -> str:
    """A text as `TextFile` would read it by a rule for line ends."""
    text = text if line_ends is None else text.removeprefix(MARK)
    return text.replace("\r\n", "\n").replace("\r", "\n") if line_ends == "unify" else text


def ends_of(file: TextFile) -> str:
    """``; CRLF line ends`` and the encoding, as far as they are not the usual ones, by the beginning of a file."""
    changed: set[str] = set()
    sample = next(TextFile(file.path, file.encoding, file.errors).read(changed), "")
    unify = io.IncrementalNewlineDecoder(None, translate=True)
    unify.decode(sample)
    ends = {unify.newlines} if isinstance(unify.newlines, str) else set(unify.newlines or ())
    names = [name for end, name in {**_ENDS, "\n": "LF"}.items() if end in ends]
    parts = [] if file.encoding.lower() in ("utf-8", "utf8") else [file.encoding]
    parts += [f"{' and '.join(names)} line ends"] if ends - {"\n"} else []
    return "".join(f"; {part}" for part in [*parts, *(["byte order mark left out"] if MARK in changed else [])])


def mixed_ends(file: TextFile) -> bool:
    """Whether an ``\\r`` stands alone in a file that has ``\\n`` as well."""
    alone, others, held = False, False, ""
    for text in itertools.chain(file.read(), [" "]):
        text = held + text
        held = text[len(text.rstrip("\r")) :]  # an \n may follow
        alone = alone or ("\r" in text and _ALONE.search(text, 0, len(text) - len(held)) is not None)
        others = others or "\n" in text
    return alone and others


def looks_wide(begin: bytes) -> bool:
    """Whether a file that begins so is UTF-16 or UTF-32: by its mark, or by where its zeros are."""
    return bool(_encoding_of(begin))


def _encoding_of(begin: bytes) -> str:
    """The name of the UTF-32 or UTF-16 in which a file begins so; empty if it is neither."""
    if begin.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # the former begins as UTF-16 does
        return "utf-32"
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    some = begin[: min(SNIFF, len(begin) // 4 * 4)]
    for name, zeros, least in (("utf-32-le", (2, 3), 0), ("utf-32-be", (1, 0), 3)):
        if (
            some
            and not any(some[zeros[1] :: 4])
            and 2 * some[zeros[0] :: 4].count(0) > len(some) // 4
            and all(some[least::4])
        ):
            return name
    some = begin[:SNIFF]
    for name, zeros_at, others in (("utf-16-le", some[1::2], some[::2]), ("utf-16-be", some[::2], some[1::2])):
        if len(some) > 3 and 2 * zeros_at.count(0) > len(zeros_at) and not others.count(0):
            return name
    return ""


def _count_ends(block: bytes) -> int:
    return block.count(b"\n") or block.count(b"\r")


def is_foreign(path: Path) -> bool:
    """Whether the file was left by a system or an editor among the texts of a folder, going by its name."""
    name = path.name.lower()
    return name.startswith("~$") or name in ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")


def has_zero_bytes(encoding: str) -> bool:
    """Whether ordinary text has zero bytes in this encoding."""
    return re.fullmatch(r"utf[-_]?(16|32)([-_]?[bl]e)?", encoding.lower()) is not None


def check_encoding(encoding: str, errors: str) -> None:
    """Raise ArgumentError unless text can be decoded with these options."""
    try:
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

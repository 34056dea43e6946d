"""One text file, decoded piece by piece: never more than a block of it is in memory."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import ArgumentError, DataError

BLOCK = 1 << 18  # bytes read at once
SNIFF = 1 << 13  # bytes looked at to tell text from binary
ERRORS = ("strict", "replace", "ignore", "backslashreplace")


@dataclass(frozen=True)
class TextFile:
    """A file and how to decode it. Line endings stay as they are. Names that end in .gz are decompressed."""

    path: Path
    encoding: str = "utf-8"
    errors: str = "strict"

    def read(self) -> Iterator[str]:
        """The text in pieces, none empty. DataError, in one line, if it cannot be read as text."""
        decoder = codecs.getincrementaldecoder(self.encoding)(self.errors)
        consumed = 0  # bytes given to the decoder so far
        blocks = self.blocks()
        while True:
            block = next(blocks, b"")
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise self._undecodable(error, consumed - held + error.start) from None
            except UnicodeError as error:  # UTF-16 or 32 without the mark that tells the order of its bytes
                raise DataError(
                    f"{self.path} cannot be read as {self.encoding}: {error}; use --encoding {self.encoding}-le or "
                    f"{self.encoding}-be"
                ) from None
            if text:
                yield text
            if not block:
                return
            consumed += len(block)

    def blocks(self) -> Iterator[bytes]:
        """The bytes, decompressed, in blocks; DataError if they cannot be read or are not text."""
        consumed = 0
        try:
            with self.open() as file:
                while block := file.read(BLOCK):
                    if b"\0" in block and not has_zero_bytes(self.encoding):
                        raise DataError(
                            f"{self.path} is not a text file: it has a zero byte at offset "
                            f"{consumed + block.index(0)}; give a text file, or use --encoding utf-16"
                        )
                    yield block
                    consumed += len(block)
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
        return [str(self.path), stat.st_size, stat.st_mtime_ns, self.encoding, self.errors]

    def looks_binary(self) -> bool:
        """Whether the first few thousand bytes have a zero byte, which text in a byte encoding never has."""
        if has_zero_bytes(self.encoding):
            return False
        try:
            with self.open() as file:
                return b"\0" in file.read(SNIFF)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot read {self.path}: {_reason(error)}") from error

    def _undecodable(self, error: UnicodeDecodeError, offset: int) -> DataError:
        bad = error.object[error.start : error.start + 1].hex()
        other = "utf-8" if self.encoding.lower().replace("_", "-").startswith("latin") else "latin-1"
        return DataError(
            f"{self.path} is not valid {self.encoding}: byte 0x{bad} at offset {offset} ({error.reason}); "
            f"use --encoding {other} if that is what it is, or --errors replace"
        )


@dataclass(frozen=True)
class LiteralText:
    """Text given as it is, in place of a file."""

    text: str

    def read(self) -> Iterator[str]:
        yield self.text

    def fingerprint(self) -> list[object]:
        return ["text:", self.text]


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

"""What a trained model is asked about: a text, a file, bytes or JSON. Limits on size are checked before decoding."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DataError

AT_ONCE = 256  # inputs of a chunk
MOST_BYTES = 64 << 20  # of an input, unless its reader says otherwise

T = TypeVar("T")


@dataclass(frozen=True)
class Input:
    """One input.

    Attributes:
        content: a text; the path of a file; the bytes of a file (an upload, standard input); or JSON's plain data.
        name: what messages and files call it (default: the path, or the text itself).
    """

    content: str | Path | bytes | dict[str, Any] | list[Any]
    name: str = ""

    @property
    def title(self) -> str:
        """Its name."""
        if self.name or not isinstance(self.content, str | Path):
            return self.name or "the input"
        return str(self.content)

    def text(self, most: int = MOST_BYTES) -> str:
        """Its text, which in bytes and in a file is UTF-8.

        Raises:
            DataError: it is no text, or longer than ``most`` bytes.
        """
        if isinstance(self.content, str):
            return self.content
        try:
            return self.data(most).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            told = f"{self.title} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at offset {error.start}"
            raise DataError(f"{told}; convert it") from error

    def data(self, most: int = MOST_BYTES) -> bytes:
        """Its bytes, of a text those of its UTF-8.

        Raises:
            DataError: it cannot be read, is longer than ``most`` bytes (it is not read then), or is JSON.
        """
        match self.content:
            case bytes():
                content = self.content
            case str():
                content = self.content.encode("utf-8", errors="replace")
            case Path():
                content = self._read(most)
            case _:
                raise DataError(f"{self.title} is JSON, and a file was expected; send the file's bytes")
        if len(content) > most:
            raise DataError(f"{self.title} has {len(content):,} bytes, more than the {most:,} that are read")
        return content

    def json(self, most: int = MOST_BYTES) -> Any:
        """Its plain data.

        Raises:
            DataError: it is no JSON, or longer than ``most`` bytes.
        """
        if isinstance(self.content, dict | list):
            return self.content
        try:
            return json.loads(self.text(most))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.title} is not JSON ({error}); correct it") from error

    def _read(self, most: int) -> bytes:
        assert isinstance(self.content, Path)
        try:
            with self.content.open("rb") as file:
                return file.read(most + 1)
        except (OSError, ValueError) as error:  # ValueError: a character 0 in the path
            raise DataError(f"cannot read {self.title}: {getattr(error, 'strerror', None) or error}") from error


def chunked(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """``items`` in lists of ``size``, in order; the last may be shorter."""
    every = iter(items)
    while some := list(itertools.islice(every, size)):
        yield some

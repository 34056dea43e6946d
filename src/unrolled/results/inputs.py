"""Inputs of a trained model: a text, a file, bytes or JSON. Size limits are checked before decoding."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DataError

AT_ONCE = 256  # inputs of a chunk
MOST_BYTES = 64 << 20  # the default size limit of an input

T = TypeVar("T")


@dataclass(frozen=True)
class Input:
    """An input of a trained model.

    Attributes:
        content: a text; a file's path; a file's bytes (an upload, standard input); or plain data from JSON.
        name: its name in messages and files (default: the path, or the text itself).
        row: for a row of a table, all its cells by column name.
    """

    content: str | Path | bytes | dict[str, Any] | list[Any]
    name: str = ""
    row: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """The name, or its default."""
        if self.name or not isinstance(self.content, str | Path):
            return self.name or "the input"
        return str(self.content)

    def text(self, most: int = MOST_BYTES) -> str:
        """Return the text, decoded as UTF-8 from bytes or a file.

        Raises:
            DataError: the content is not text, or is longer than ``most`` bytes.
        """
        if isinstance(self.content, str):
            return self.content
        try:
            return self.data(most).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            place = f"byte 0x{error.object[error.start]:02x} at offset {error.start}"
            raise DataError(f"{self.title} is not UTF-8 text: {place}; convert it") from error

    def data(self, most: int = MOST_BYTES) -> bytes:
        """Return the bytes; a text is encoded as UTF-8.

        Raises:
            DataError: the content cannot be read, is longer than ``most`` bytes (and is not read), or is JSON.
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
            raise DataError(f"{self.title} has {len(content):,} bytes, more than the limit of {most:,}")
        return content

    def json(self, most: int = MOST_BYTES) -> Any:
        """Return the plain data, decoded from JSON.

        Raises:
            DataError: the content is not JSON, or is longer than ``most`` bytes.
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
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"cannot read {self.title}: {reason}; check the path") from error


def chunked(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Yield ``items`` in lists of ``size``, in order; the last may be shorter.

    >>> list(chunked("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk

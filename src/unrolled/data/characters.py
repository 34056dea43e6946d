"""Character and byte vocabularies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import checked
from ..errors import DataError
from .vocabulary import Ids, Vocabulary, outside_error

REPLACEMENT = "\ufffd"


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points ``(N,)`` of ``text``."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


class CharacterCounts:
    """Count characters of streamed text, in a table indexed by code point."""

    def __init__(self) -> None:
        self.table = np.zeros(0, dtype=np.int64)

    def add(self, text: str) -> None:
        counts = np.bincount(code_points(text))
        if len(counts) > len(self.table):
            counts[: len(self.table)] += self.table
            self.table = counts
        else:
            self.table[: len(counts)] += counts


class CharVocabulary(Vocabulary):
    """A vocabulary of Unicode characters, sorted by code point. With ``unknown``, U+FFFD is the unknown token.

    Raises:
        DataError: there are no characters, or a surrogate.
    """

    kind: ClassVar[str] = "char"

    @checked
    def __init__(self, symbols: str | Iterable[str], *, unknown: bool = False) -> None:
        self.symbols = "".join(sorted(set(symbols) | ({REPLACEMENT} if unknown else set())))
        if not self.symbols:
            raise DataError("a char vocabulary needs at least one character")
        if any("\ud800" <= c <= "\udfff" for c in self.symbols):
            raise DataError("a char vocabulary cannot hold surrogates (U+D800 to U+DFFF): they are not characters")
        self._codes = code_points(self.symbols)
        self.unknown = self.symbols.index(REPLACEMENT) if unknown else None
        # Code point -> id; the last entry is for all larger code points.
        self._missing = len(self.symbols) if self.unknown is None else self.unknown
        kind = np.uint16 if len(self.symbols) < 1 << 16 else np.uint32
        self._table = np.full(int(self._codes[-1]) + 2, self._missing, dtype=kind)
        self._table[self._codes] = np.arange(len(self.symbols))

    @classmethod
    def from_counts(cls, counts: CharacterCounts, min_count: int = 1) -> CharVocabulary:
        """Return a vocabulary of all characters, or of those seen ``min_count`` times; the others are then unknown."""
        codes = np.flatnonzero(counts.table >= max(1, min_count))
        return cls("".join(map(chr, codes.tolist())), unknown=min_count > 1)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def one_per_character(self) -> bool:
        return True

    @checked
    def encode(self, text: str) -> Ids:
        ids = self._lookup(text)
        if self.unknown is None and len(ids) and int(ids.max()) == self._missing:
            raise outside_error(self, self.outside(text))
        return ids.astype(self.dtype)

    def _lookup(self, text: str) -> Ids:
        return self._table.take(code_points(text), mode="clip")

    def _text(self, ids: Ids) -> str:
        return self._codes[ids].tobytes().decode("utf-32-le")

    def spell(self, id: int) -> bytes:
        return self.symbols[id].encode()

    @checked
    def outside(self, text: str) -> dict[str, int]:
        if self.unknown is not None:
            return {}
        found: dict[str, int] = {}
        for at in np.flatnonzero(self._lookup(text) == self._missing).tolist():
            found.setdefault(text[at], at)
        return found

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "symbols": self.symbols, "unknown": self.unknown is not None}


class ByteVocabulary(Vocabulary):
    """A vocabulary of the 256 bytes: encodes any text as UTF-8, without an unknown token."""

    kind: ClassVar[str] = "byte"

    def __len__(self) -> int:
        return 256

    @checked
    def encode(self, text: str) -> Ids:
        try:
            return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
        except UnicodeEncodeError:
            raise outside_error(self, self.outside(text)) from None

    def _text(self, ids: Ids) -> str:
        return bytes(ids.tolist()).decode("utf-8", "replace")

    def spell(self, id: int) -> bytes:
        return bytes((id,))

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind}

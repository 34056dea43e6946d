"""What a vocabulary is: a numbered list of symbols, and the way text is cut into them.

    vocabulary.encode("text") -> ids (N,)      vocabulary.decode(ids) -> "text"

Four kinds: characters and bytes (`characters.py`), words (`words.py`), byte pairs (`subwords.py`).
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import checked
from ..errors import ArgumentError, DataError

Ids = npt.NDArray[Any]
MAX_SYMBOLS = 1 << 22  # no vocabulary is larger: a bound for what a model file may ask us to allocate


class Vocabulary(ABC):
    """A numbered list of symbols. Immutable; equal vocabularies have equal `to_json()`."""

    kind: ClassVar[str]
    unknown: int | None = None  # the id that stands for what is not in the vocabulary; None: there is no such id

    @abstractmethod
    def __len__(self) -> int:
        """The number of symbols; ids are 0 … len-1."""

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """The ids (N,) of ``text``, in `dtype`; DataError if it cannot be written with these symbols."""

    @abstractmethod
    def spell(self, id: int) -> bytes:
        """The UTF-8 bytes that one symbol stands for (for byte-level symbols maybe part of a character)."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain data from which `vocabulary_from_json` makes this vocabulary again."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest of uint8, uint16 and uint32 that holds every id."""
        if len(self) <= 1 << 8:
            return np.dtype(np.uint8)
        return np.dtype(np.uint16) if len(self) <= 1 << 16 else np.dtype(np.uint32)

    @property
    def one_per_character(self) -> bool:
        """Whether token i is always character i."""
        return False

    @checked
    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``. Bytes that are no UTF-8 (a model may write some) become U+FFFD.

        Raises:
            ArgumentError: an id is none of 0 to ``len(self) - 1``.
        """
        return self._text(self._known(ids))

    def _text(self, ids: Ids) -> str:
        return b"".join(map(self.spell, ids.tolist())).decode("utf-8", "replace")

    def _known(self, ids: Iterable[int]) -> Ids:
        """The ids as an array."""
        found = ids if isinstance(ids, np.ndarray) else np.array([int(id) for id in ids], dtype=np.int64)
        if found.size and not 0 <= int(found.min()) <= int(found.max()) < len(self):
            wrong = next(int(id) for id in found.flat if not 0 <= id < len(self))
            raise ArgumentError("ids", f"symbols from 0 to {len(self) - 1}", wrong)
        return found

    @checked
    def outside(self, text: str) -> dict[str, int]:
        """The characters of ``text`` that cannot be encoded, each with its first position."""
        return {c: text.index(c) for c in dict.fromkeys(text) if "\ud800" <= c <= "\udfff"}

    @checked
    def check_prompt(self, text: str) -> None:
        """Raise ArgumentError if ``text`` has characters that this vocabulary cannot encode."""
        outside = self.outside(text)
        if outside:
            expected = f"text in the model's {self.kind} vocabulary ({len(self)} symbols)"
            remedy = f"leave out {describe(outside)}"
            raise ArgumentError("prompt", expected, text if len(text) <= 60 else text[:60] + "…", remedy)


def describe(outside: dict[str, int], limit: int = 5) -> str:
    """``'é' (U+00E9), '\\x00' (U+0000) and 3 more`` for a message."""
    named = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in list(outside)[:limit])
    return named + (f" and {len(outside) - limit} more" if len(outside) > limit else "")


def outside_error(vocabulary: Vocabulary, outside: dict[str, int]) -> DataError:
    """The error for text, its first character at 0, that ``vocabulary`` cannot encode."""
    places = ", ".join(str(at) for at in list(outside.values())[:5])
    return DataError(
        f"the text has characters that are not in the {vocabulary.kind} vocabulary: {describe(outside)}, "
        f"first at character {places}; remove them, or train with --min-count 2 (rare characters become one "
        "unknown symbol) or with a byte vocabulary"
    )


class StreamingDecoder:
    """Decodes ids as they come. A character whose bytes are not all there yet is held back until they are."""

    @checked
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._spell = vocabulary.spell
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, id: int) -> str:
        """The text that is complete now that ``id`` is known; often one character, sometimes none."""
        return self._decoder.decode(self._spell(int(id)))

    def flush(self) -> str:
        """What was held back, at the end of the text."""
        return self._decoder.decode(b"", final=True)

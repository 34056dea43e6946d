"""Vocabularies: the tokens of a model, and the tokenization of text.

    vocabulary.encode("text") -> ids (N,)      vocabulary.decode(ids) -> "text"

Five kinds: characters and bytes (`characters.py`), words (`words.py`), byte pairs (`subwords.py`), and the words of
text that is already tokenized (`tokenized.py`).
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
MAX_TOKENS = 1 << 22  # maximum size of a vocabulary: bounds the allocation for untrusted model files


class Vocabulary(ABC):
    """A vocabulary: tokens with ids 0 … len-1, immutable. Equal vocabularies have equal `to_json()`."""

    kind: ClassVar[str]
    unknown: int | None = None  # the id of the unknown token, or None

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of tokens."""

    @abstractmethod
    def encode(self, text: str) -> Ids:
        """Return the token ids ``(N,)`` of ``text``, in `dtype`.

        Raises:
            DataError: the text has characters that cannot be encoded.
        """

    @abstractmethod
    def spell(self, id: int) -> bytes:
        """Return the UTF-8 bytes of one token (for byte-level tokens possibly part of a character)."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return JSON data from which `vocabulary_from_json` restores the vocabulary."""

    def replaced(self, text: str, ids: Ids) -> int:
        """Return the number of tokens of ``text``, encoded as ``ids``, that the unknown token replaces."""
        return 0 if self.unknown is None else int(np.count_nonzero(ids == self.unknown))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest of uint8, uint16 and uint32 that represents all ids."""
        if len(self) <= 1 << 8:
            return np.dtype(np.uint8)
        return np.dtype(np.uint16) if len(self) <= 1 << 16 else np.dtype(np.uint32)

    @property
    def one_per_character(self) -> bool:
        """Whether token i is always character i."""
        return False

    @checked
    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``. Invalid UTF-8, which a model may generate, becomes U+FFFD.

        Raises:
            ArgumentError: an id is out of range.
        """
        return self._text(self._checked_ids(ids))

    def _text(self, ids: Ids) -> str:
        return b"".join(map(self.spell, ids.tolist())).decode("utf-8", "replace")

    def _checked_ids(self, ids: Iterable[int]) -> Ids:
        """Return the ids as an array; raise `ArgumentError` if one is out of range."""
        array = ids if isinstance(ids, np.ndarray) else np.array([int(id) for id in ids], dtype=np.int64)
        if array.size and not 0 <= int(array.min()) <= int(array.max()) < len(self):
            wrong = next(int(id) for id in array.flat if not 0 <= id < len(self))
            raise ArgumentError("ids", f"token ids from 0 to {len(self) - 1}", wrong)
        return array

    @checked
    def outside(self, text: str) -> dict[str, int]:
        """Return the characters of ``text`` that cannot be encoded → first position."""
        return {c: text.index(c) for c in dict.fromkeys(text) if "\ud800" <= c <= "\udfff"}

    @checked
    def check_prompt(self, text: str) -> None:
        """Raise ArgumentError if ``text`` has characters that this vocabulary cannot encode."""
        outside = self.outside(text)
        if outside:
            expected = f"text in the model's {self.kind} vocabulary ({len(self)} tokens)"
            remedy = f"remove {describe(outside)}"
            raise ArgumentError("prompt", expected, text if len(text) <= 60 else text[:60] + "…", remedy)


def describe(outside: dict[str, int], limit: int = 5) -> str:
    """Format characters for a message: ``'é' (U+00E9), '\\x00' (U+0000) and 3 more``."""
    named = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in list(outside)[:limit])
    return named + (f" and {len(outside) - limit} more" if len(outside) > limit else "")


def outside_error(vocabulary: Vocabulary, outside: dict[str, int]) -> DataError:
    """Return the error for characters that ``vocabulary`` cannot encode, counted from 0."""
    positions = ", ".join(str(at) for at in list(outside.values())[:5])
    return DataError(
        f"the text has characters that are not in the {vocabulary.kind} vocabulary: {describe(outside)}, "
        f"first at character {positions}; remove them, evaluate with --unknown skip, or train with --min-count 2 (rare "
        "characters become the unknown token) or with a byte vocabulary"
    )


class _Whole(dict[int, Any]):
    """Token → its text if it is a whole number of characters; `None` for any other."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._spell = vocabulary.spell

    def __missing__(self, id: int) -> str | None:
        try:
            self[id] = text = self._spell(id).decode()
        except UnicodeDecodeError:
            self[id] = text = None
        return text


class StreamingDecoder:
    """Decode ids one at a time. A character is returned when all of its bytes are known.

    >>> from unrolled.data import ByteVocabulary
    >>> decoder = StreamingDecoder(ByteVocabulary())
    >>> [decoder.feed(id) for id in "é!".encode()]
    ['', 'é', '!']
    """

    @checked
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._spell = vocabulary.spell
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._whole = _Whole(vocabulary)

    def feed(self, id: int) -> str:
        """Return the text completed by ``id``: often one character, possibly none."""
        return self._decoder.decode(self._spell(int(id)))

    @checked
    def feed_each(self, ids: Ids) -> list[str]:
        """Return the text completed by each of several ids ``(n,)``."""
        listed, whole = ids.tolist(), self._whole
        texts = list(map(whole.__getitem__, listed))
        return [self.feed(id) for id in listed] if self._decoder.getstate()[0] or None in texts else texts

    @checked
    def feed_many(self, ids: Ids) -> str:
        """Return the text completed by several ids ``(n,)``."""
        return "".join(self.feed_each(ids))

    def flush(self) -> str:
        """Return the incomplete rest at the end of the text, as U+FFFD."""
        return self._decoder.decode(b"", final=True)

"""Word vocabulary, and the rule by which text is cut into words.

`tokens(text)` cuts text so that joining the tokens gives the text again, character for character:

* a word is a run of letters, digits and underscores *with the one space before it*, if there is one: as
  ``" the"``;
* a run of other visible characters is a token, also with the one space before it: ``" ("``, ``"):"``;
* every line break (``\\r\\n``, ``\\n`` or ``\\r``) is a token;
* what other white space is left (indentation, tabs) is one token per run, less the space that belongs to a
  word.

So nothing has to be guessed when text is put together again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from ..checks import checked
from ..errors import DataError
from .vocabulary import Ids, Vocabulary

UNKNOWN = "<unk>"
_TOKEN = re.compile(r" ?\w+| ?[^\w\s]+|\r\n|[\r\n]|[^\S\r\n]+(?= \S)|[^\S\r\n]+")


def tokens(text: str) -> list[str]:
    """The tokens of ``text`` in order; ``"".join(tokens(text)) == text``."""
    return _TOKEN.findall(text)


class WordVocabulary(Vocabulary):
    """Words, most frequent first; id 0 is ``<unk>``, for every word that is not listed.

    The text ``<unk>`` is itself three tokens (``<``, ``unk``, ``>``), so no word can be taken for the unknown
    one.
    """

    kind: ClassVar[str] = "word"

    @checked
    def __init__(self, words: Iterable[str]) -> None:
        self.words = [UNKNOWN, *words]
        self.unknown = 0
        self._ids = {word: id for id, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise DataError("a word vocabulary lists a word twice")
        if any("\ud800" <= c <= "\udfff" for word in self.words for c in word):
            raise DataError("a word vocabulary cannot hold surrogates (U+D800 to U+DFFF): they are not characters")

    @classmethod
    def from_counts(cls, counts: Counter[str], min_count: int = 1) -> WordVocabulary:
        """The words seen at least ``min_count`` times; ties in alphabetical order."""
        kept = [word for word, count in counts.items() if count >= min_count]
        return cls(sorted(kept, key=lambda word: (-counts[word], word)))

    def __len__(self) -> int:
        return len(self.words)

    @checked
    def encode(self, text: str) -> Ids:
        return self.look_up(tokens(text))

    @checked
    def look_up(self, words: Iterable[str]) -> Ids:
        """The ids of words that were cut by another rule."""
        get = self._ids.get
        return np.array([get(word, 0) for word in words], dtype=self.dtype)

    def _text(self, ids: Ids) -> str:
        return "".join([self.words[id] for id in ids.tolist()])

    def spell(self, id: int) -> bytes:
        return self.words[id].encode("utf-8", "replace")

    @checked
    def outside(self, text: str) -> dict[str, int]:
        return {}

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "words": self.words[1:]}

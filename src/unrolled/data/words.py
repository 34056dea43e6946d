"""Word vocabulary and word tokenization.

`tokens(text)` splits text into tokens whose concatenation is exactly the text:

* a word is a run of letters, digits and underscores *with one space before it*, if there is one: ``" the"``;
* a run of other visible characters is a token, also with one space before it: ``" ("``, ``"):"``;
* every line break (``\\r\\n``, ``\\n`` or ``\\r``) is a token;
* other white space (indentation, tabs) is one token per run, without the space that belongs to a word.

So detokenization is exact.
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
    """Return the tokens of ``text``; ``"".join(tokens(text)) == text``.

    >>> tokens("the cat (sat)")
    ['the', ' cat', ' (', 'sat', ')']
    """
    return _TOKEN.findall(text)


class WordVocabulary(Vocabulary):
    """A word vocabulary, most frequent words first; id 0 is the unknown token ``<unk>``.

    The text ``<unk>`` is three tokens (``<``, ``unk``, ``>``), so no word is confused with the unknown token.

    Raises:
        DataError: a word occurs twice, or has surrogates.
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
        """Return a vocabulary of the words seen at least ``min_count`` times; ties are in alphabetical order."""
        frequent = [word for word, count in counts.items() if count >= min_count]
        return cls(sorted(frequent, key=lambda word: (-counts[word], word)))

    def __len__(self) -> int:
        return len(self.words)

    @checked
    def encode(self, text: str) -> Ids:
        return self.look_up(tokens(text))

    @checked
    def look_up(self, words: Iterable[str]) -> Ids:
        """Return the ids of words from another tokenizer."""
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

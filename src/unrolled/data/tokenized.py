"""Vocabulary of text that is already tokenized: words between white space, and ``<eos>`` at the end of each line.

Word-level benchmarks such as the Penn Treebank (Mikolov et al. 2011) and WikiText-2 (Merity et al. 2017) are
distributed in this form, and their perplexities are per token of this kind. ``<unk>`` in the text is a word like any
other. Decoding writes one space before each word and a line break for ``<eos>``.
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
from .words import UNKNOWN

END_OF_LINE = "<eos>"
_TOKEN = re.compile(r"\n|\S+")


def spans(text: str) -> list[tuple[int, int]]:
    """Return (begin, end) of each token of ``text``; line breaks are tokens.

    >>> spans(" a <unk>\\n")
    [(1, 2), (3, 8), (8, 9)]
    """
    return [match.span() for match in _TOKEN.finditer(text)]


def split(text: str) -> list[str]:
    """Return the tokens of ``text``.

    >>> split(" the <unk> cat \\n\\n sat")
    ['the', '<unk>', 'cat', '<eos>', '<eos>', 'sat']
    """
    return [END_OF_LINE if token == "\n" else token for token in _TOKEN.findall(text)]


class TokenizedVocabulary(Vocabulary):
    """The words of a tokenized text, most frequent first, with ``<eos>`` and ``<unk>``.

    Raises:
        DataError: ``words`` lacks one of these, or a word occurs twice or has white space or surrogates.
    """

    kind: ClassVar[str] = "tokenized"

    @checked
    def __init__(self, words: Iterable[str]) -> None:
        self.words = list(words)
        self._ids = {word: id for id, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise DataError("a vocabulary of tokenized text lists a word twice")
        if END_OF_LINE not in self._ids or UNKNOWN not in self._ids:
            raise DataError(f"a vocabulary of tokenized text must have {END_OF_LINE} and {UNKNOWN}")
        if any(split(word) != [word] or any("\ud800" <= c <= "\udfff" for c in word) for word in self.words):
            raise DataError("a word of tokenized text cannot have white space or surrogates (U+D800 to U+DFFF)")
        self.unknown = self._ids[UNKNOWN]

    @classmethod
    def from_counts(cls, counts: Counter[str], min_count: int = 1) -> TokenizedVocabulary:
        """Return a vocabulary of the words seen at least ``min_count`` times; ties are in alphabetical order."""
        always = {END_OF_LINE, UNKNOWN}
        frequent = {word for word, count in counts.items() if count >= min_count} | always
        return cls(sorted(frequent, key=lambda word: (-counts[word], word)))

    def __len__(self) -> int:
        return len(self.words)

    @checked
    def encode(self, text: str) -> Ids:
        get, unknown = self._ids.get, self.unknown
        return np.array([get(word, unknown) for word in split(text)], dtype=self.dtype)

    @checked
    def replaced(self, text: str, ids: Ids) -> int:
        """Return the number of words of ``text`` that ``<unk>`` replaces; those written ``<unk>`` do not count."""
        return int(np.count_nonzero(ids == self.unknown)) - sum(word == UNKNOWN for word in split(text))

    def _text(self, ids: Ids) -> str:
        return "".join([self._spelling(id) for id in ids.tolist()])

    def spell(self, id: int) -> bytes:
        return self._spelling(id).encode("utf-8", "replace")

    def _spelling(self, id: int) -> str:
        word = self.words[id]
        return "\n" if word == END_OF_LINE else f" {word}"

    @checked
    def outside(self, text: str) -> dict[str, int]:
        return {}

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "words": self.words}

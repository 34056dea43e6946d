"""Words for CTC beam search: a list of known words, and hot words with a bonus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels import extension

NO_SEPARATOR = -2  # no symbol has this number
LONGEST = 1_000  # symbols of a word
MOST = 100_000_000  # symbols of all words


class Speller:
    """Writes words as symbols, the longest possible symbol first."""

    def __init__(self, symbols: Mapping[str, int]) -> None:
        self.symbols = symbols
        self.longest = max(map(len, symbols), default=0)

    def spell(self, word: str) -> list[int] | None:
        """Return the ids of the symbols of ``word``; `None` if it has others."""
        ids, at = [], 0
        while at < len(word):
            for size in range(min(self.longest, len(word) - at), 0, -1):
                if (found := self.symbols.get(word[at : at + size])) is not None:
                    ids.append(found)
                    at += size
                    break
            else:
                return None
        return ids


def word_tree(
    symbols: Mapping[str, int], words: Sequence[str] | None, hot: Mapping[str, float], unknown: float, separator: str
) -> Any:
    """Build the tree of words that the compiled search reads; `None` without words.

    Args:
        symbols: the id of each symbol.
        words: the known words; `None`: all words are. Those with other symbols are omitted.
        hot: words and their bonuses; they are known too.
        unknown: the bonus of a word that is not known, at most 0.
        separator: the symbol between words.

    Raises:
        ArgumentError: a hot word has other symbols, no word has these only, or a word is empty or too long.
    """
    if words is None and not hot:
        return None
    speller, bonuses = Speller(symbols), dict.fromkeys(words or (), 0.0) | dict(hot)
    spelled: list[list[int]] = []
    kept: list[float] = []
    for word, bonus in bonuses.items():
        name = "hot_words" if word in hot else "words"
        if not word or separator in word or len(word) > LONGEST:
            expected = f"words of 1 to {LONGEST:,} characters without the separator {separator!r}"
            raise ArgumentError(name, expected, word)
        if bonus < 0:
            raise ArgumentError(f"hot_words[{word!r}]", "a bonus of at least 0", bonus)
        ids = speller.spell(word)
        if ids is None and word in hot:
            raise ArgumentError("hot_words", "words of the model's symbols", word)
        if ids is not None:
            spelled.append(ids)
            kept.append(bonus)
    if not spelled:
        raise ArgumentError("words", "words of the model's symbols", list(bonuses)[:3], "compare alphabet and case")
    flat = np.array([k for ids in spelled for k in ids], dtype=np.int32)
    if len(flat) > MOST:
        raise ArgumentError("words", f"at most {MOST:,} symbols in all", len(flat))
    lengths, weights = np.array([len(ids) for ids in spelled], dtype=np.int64), np.array(kept, dtype=np.float64)
    return extension.compiled.WordTree(
        len(spelled), flat.ctypes.data, lengths.ctypes.data, weights.ctypes.data, words is not None, unknown,
        symbols.get(separator, NO_SEPARATOR),
    )  # fmt: skip

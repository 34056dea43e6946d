"""The alphabet of a network that reads texts: the names of its classes. Class 0 is the blank, which no user sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ....data.text_order import TextOrder
from ....data.vocabulary import Ids
from ....errors import DataError, RunError

MOST = 100_000  # classes of a model file
LISTED = 20


class Alphabet:
    """The classes of a network, and texts as classes in the order in which it reads them.

    Args:
        names: the symbols; class n + 1 has the name n.
        order: the order of the symbols in a line.
    """

    def __init__(self, names: Sequence[str], order: TextOrder) -> None:
        self.names, self.order = list(names), order
        self.symbols = ["", *self.names]
        self._ids = {name: n for n, name in enumerate(self.names, 1)}

    @classmethod
    def of(cls, texts: Iterable[str], order: TextOrder, first: Sequence[str] = ()) -> Alphabet:
        """Return the alphabet of texts: the symbols ``first``, then the others, sorted.

        Raises:
            DataError: the texts have no symbol.
        """
        found = {symbol for text in texts for symbol in order.symbols(text)}
        names = [*first, *sorted(found - set(first))]
        if not names:
            raise DataError("the texts of all training examples are empty; check the files, or the column of the texts")
        return cls(names, order)

    @classmethod
    def from_json(cls, names: object, order: TextOrder) -> Alphabet:
        """Return the alphabet of a model file.

        Raises:
            RunError: the file does not have it.
        """
        if not (isinstance(names, list) and 0 < len(names) < MOST and all(isinstance(n, str) and n for n in names)):
            raise RunError("the model file does not list the symbols of its alphabet; restore it or train anew")
        if len(set(names)) != len(names):
            raise RunError("the model file lists a symbol of its alphabet twice; restore it or train anew")
        return cls(names, order)

    def __len__(self) -> int:
        """Return the number of classes, the blank included."""
        return len(self.symbols)

    def encode(self, text: str) -> Ids:
        """Return the classes of a text in the order of the frames; unknown symbols are omitted."""
        ids = (self._ids.get(symbol) for symbol in self.order.symbols(text))
        return np.array([n for n in ids if n is not None], dtype=np.int64)

    def unknown(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often each symbol occurs that is not in the alphabet."""
        counts = Counter(symbol for text in texts for symbol in self.order.symbols(text))
        return Counter({symbol: count for symbol, count in counts.items() if symbol not in self._ids})

    def text(self, symbols: Sequence[str]) -> str:
        """Return the text, in logical order, of symbols in the order of the frames."""
        return self.order.text(list(symbols))

    def unknown_note(self, texts: Iterable[str], what: str) -> list[str]:
        """Return a note on the symbols of texts that training never saw, if there are any."""
        found = self.unknown(texts)
        if not found:
            return []
        listed = ", ".join(f"{symbol!r} ({count:,})" for symbol, count in found.most_common(LISTED))
        more = f" and {len(found) - LISTED:,} more" if len(found) > LISTED else ""
        return [f"{what} have {found.total():,} characters that no training text has: {listed}{more}; they are errors"]


def as_assets(alphabet: Alphabet) -> dict[str, Any]:
    """Return the data of a model file."""
    return {"alphabet": alphabet.names}

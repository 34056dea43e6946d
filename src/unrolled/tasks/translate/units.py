"""What a translator reads and writes, as numbers: each language's symbols, a begin and an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...cells import check_size
from ...data import CharVocabulary, Vocabulary, WordVocabulary, build_vocabulary, vocabulary_from_json
from ...data.vocabulary import Ids
from ...data.words import tokens
from ...errors import DataError
from ...training.config import refuse_changed

BEGIN, END, SPECIAL = 0, 1, 2  # a vocabulary's symbol n is SPECIAL + n here


@dataclass(frozen=True, kw_only=True)
class Units:
    """How sentences are cut into symbols."""

    vocabulary: Literal["auto", "bpe", "word", "char", "byte"] = "auto"
    """symbols: byte pairs (subwords), words with an unknown one, characters or bytes; auto: characters for the sets
    that are made up, byte pairs for all else"""
    vocab_size: int = 8000
    """symbols of a byte-pair vocabulary"""
    min_count: int = 2
    """words and characters seen less often become the unknown symbol"""
    shared: bool = False
    """one vocabulary for both languages"""
    lowercase: bool = False
    """read and write small letters only"""
    reverse_source: bool = False
    """read the source from its end (Sutskever et al. 2014)"""
    max_symbols: int = 200
    """longer sentences are left out of training, and refused when they are to be translated"""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "min_count", "max_symbols"):
            check_size(name, getattr(self, name))
        if self.vocabulary != "auto":
            self.check(self.vocabulary)

    def check(self, kind: str) -> None:
        """Raise `ArgumentError` for an option that a vocabulary of this kind has no use for."""
        without = f"with --vocabulary {kind}, which has no use for it"
        if kind != "bpe":
            refuse_changed(self, ("vocab_size",), without)
        if kind in ("bpe", "byte"):
            refuse_changed(self, ("min_count",), without)


def shown(piece: str) -> str:
    """A piece of text as a column or a row is named after it."""
    return piece.strip() or "␣"


class Language:
    """Text of one side ↔ ids: 0 begins, 1 ends, then the vocabulary's symbols.

    A space is put before the first word, so that it is the same symbol as elsewhere; it is taken off again.
    """

    def __init__(self, vocabulary: Vocabulary, lowercase: bool) -> None:
        self.vocabulary, self.lowercase = vocabulary, lowercase
        self._space = "" if isinstance(vocabulary, CharVocabulary) or vocabulary.kind == "byte" else " "

    @classmethod
    def build(cls, texts: Iterable[str], kind: str, options: Units, side: str) -> Language:
        """The symbols of ``texts``, of one ``kind``; ``side`` names it in errors.

        Raises:
            DataError: they are all one symbol, from which nothing can be learned.
        """
        lower = (text.lower() if options.lowercase else text for text in texts)
        vocabulary: Vocabulary
        if kind == "char":
            counts = Counter(c for text in lower for c in text)
            kept = (c for c, n in counts.items() if n >= options.min_count and not "\ud800" <= c <= "\udfff")
            vocabulary = CharVocabulary("".join(kept), unknown=True)
        else:
            spaced = (f" {text}" for text in lower)
            vocabulary = build_vocabulary(
                kind, spaced, min_count=options.min_count if kind == "word" else 1, vocab_size=options.vocab_size
            )
        made = cls(vocabulary, options.lowercase)
        if kind in ("word", "char") and len(vocabulary) < 3:  # the unknown one and one other
            raise DataError(
                f"the {side} text has only {len(vocabulary) - 1} symbol seen {options.min_count} times or more: "
                "nothing can be learned from it; is it the right file, or column? Otherwise use --min-count 1"
            )
        return made

    def __len__(self) -> int:
        return SPECIAL + len(self.vocabulary)

    @property
    def unknown(self) -> int | None:
        """The id of what is not in the vocabulary."""
        return None if self.vocabulary.unknown is None else SPECIAL + self.vocabulary.unknown

    def encode(self, text: str) -> Ids:
        """The ids ``(N,)`` of a sentence, without begin and end; at least one."""
        ids = self.vocabulary.encode(self._spaced(text)).astype(np.int64)
        return ids + SPECIAL if len(ids) else np.full(1, SPECIAL, dtype=np.int64)

    def longer(self, text: str, most: int) -> bool:
        """Whether `encode` gives more than ``most`` ids. Mostly that is known without it: each stands for a byte or
        more."""
        return len(self._spaced(text).encode("utf-8", "surrogatepass")) > most and len(self.encode(text)) > most

    def _spaced(self, text: str) -> str:
        return self._space + (text.lower() if self.lowercase else text).strip()

    def decode(self, ids: Sequence[int], unknown: Sequence[str] = ()) -> str:
        """The sentence of ``ids``; ``unknown`` has for each of them what stands there if it is the unknown symbol."""
        known = [id - SPECIAL for id in ids]
        if not unknown or self.unknown is None or self.unknown not in ids:
            return self.vocabulary.decode(known).strip()
        parts = []
        for id, instead in zip(ids, unknown, strict=True):
            if id != self.unknown:
                parts.append(self.vocabulary.decode([id - SPECIAL]))
            else:
                parts.append(self._space + instead.strip() if instead.strip() else instead)
        return "".join(parts).strip()

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """What each id stands for, to be read by people."""
        return [shown(self.vocabulary.spell(id - SPECIAL).decode("utf-8", "replace")) for id in ids]

    def source_pieces(self, text: str, ids: Sequence[int]) -> list[str]:
        """What stands in ``text`` for each of its ids, unknown words too."""
        for whole in (text.strip(), text.lower().strip()):  # some letters are several in lower case
            cut = list(whole) if self.vocabulary.one_per_character else []
            if isinstance(self.vocabulary, WordVocabulary):
                cut = tokens(" " + whole)
            if len(cut) == len(ids):
                return cut
        return [self.vocabulary.spell(id - SPECIAL).decode("utf-8", "replace") for id in ids]

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `from_json` makes this again."""
        return {"vocabulary": self.vocabulary.to_json(), "lowercase": self.lowercase}

    @classmethod
    def from_json(cls, data: Any) -> Language:
        """The reverse of `to_json`; it may come from anyone: DataError on nonsense."""
        data = data if isinstance(data, dict) else {}
        return cls(vocabulary_from_json(data.get("vocabulary")), data.get("lowercase") is True)

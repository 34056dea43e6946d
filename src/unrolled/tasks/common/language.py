"""Tokenization of sentences that a decoder reads or writes, with begin and end tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ...cells import check_size
from ...data import CharVocabulary, Vocabulary, WordVocabulary, build_vocabulary, vocabulary_from_json
from ...data.vocabulary import Ids
from ...data.words import tokens
from ...errors import DataError
from ...training.config import refuse_changed

BEGIN, END, SPECIAL = 0, 1, 2  # token n of a vocabulary has the id SPECIAL + n


@dataclass(frozen=True, kw_only=True)
class Tokenization:
    """The tokenization of the sentences."""

    vocabulary: Literal["auto", "bpe", "word", "char", "byte"] = "auto"
    """bpe (subwords), word, char or byte; auto: by the data, bpe for files"""
    vocab_size: int = 8000
    """size of a byte-pair vocabulary"""
    min_count: int = 2
    """words or characters seen less often become the unknown token"""
    lowercase: bool = False
    """convert both sides to lower case"""
    max_symbols: int = 200
    """maximum tokens per sentence: longer pairs are excluded, longer inputs rejected"""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "min_count", "max_symbols"):
            check_size(name, getattr(self, name))
        if self.vocabulary != "auto":
            self.check(self.vocabulary)

    def check(self, kind: str) -> None:
        """Raise `ArgumentError` for an option that a vocabulary of this kind does not use."""
        reason = f"with --vocabulary {kind}, which does not use it"
        if kind != "bpe":
            refuse_changed(self, ("vocab_size",), reason)
        if kind in ("bpe", "byte"):
            refuse_changed(self, ("min_count",), reason)


def shifted(target: Tensor) -> Tensor:
    """Return ``(T, B)``: the previous token at each position; `BEGIN` at the first."""
    return torch.cat([torch.full_like(target[:1], BEGIN), target[:-1]])


def shown(piece: str) -> str:
    """Return the label of a token in an alignment."""
    return piece.strip() or "␣"


class Language:
    """The tokenizer of one side: text ↔ ids, with 0 for begin, 1 for end, then the tokens of the vocabulary.

    A space is added before the first word, so that it has the same token as elsewhere; decoding removes it.
    """

    def __init__(self, vocabulary: Vocabulary, lowercase: bool) -> None:
        self.vocabulary, self.lowercase = vocabulary, lowercase
        self._space = "" if isinstance(vocabulary, CharVocabulary) or vocabulary.kind == "byte" else " "

    @classmethod
    def build(cls, texts: Iterable[str], kind: str, options: Tokenization, side: str) -> Language:
        """Build a vocabulary of this ``kind`` from ``texts``; ``side`` names it in error messages.

        Raises:
            DataError: there is only one distinct token, from which nothing can be learned.
        """
        lower = (text.lower() if options.lowercase else text for text in texts)
        vocabulary: Vocabulary
        if kind == "char":
            counts = Counter(c for text in lower for c in text)
            frequent = (c for c, n in counts.items() if n >= options.min_count and not "\ud800" <= c <= "\udfff")
            vocabulary = CharVocabulary("".join(frequent), unknown=True)
        else:
            spaced = (f" {text}" for text in lower)
            vocabulary = build_vocabulary(
                kind, spaced, min_count=options.min_count if kind == "word" else 1, vocab_size=options.vocab_size
            )
        language = cls(vocabulary, options.lowercase)
        if kind in ("word", "char") and len(vocabulary) < 3:  # the unknown token and one other
            raise DataError(
                f"the {side} text has only {len(vocabulary) - 1} token seen {options.min_count} times or more: "
                "nothing can be learned from it; check the file and the column, or use --min-count 1"
            )
        return language

    def __len__(self) -> int:
        return SPECIAL + len(self.vocabulary)

    @property
    def unknown(self) -> int | None:
        """The id of the unknown token, if the vocabulary has one."""
        return None if self.vocabulary.unknown is None else SPECIAL + self.vocabulary.unknown

    def encode(self, text: str) -> Ids:
        """Return the ids ``(N,)`` of a sentence, without begin and end; at least one."""
        ids = self.vocabulary.encode(self._spaced(text)).astype(np.int64)
        return ids + SPECIAL if len(ids) else np.full(1, SPECIAL, dtype=np.int64)

    def unknown_in(self, text: str) -> tuple[int, int] | None:
        """Return the number of unknown tokens and of all tokens; `None` if every token is known."""
        if self.unknown is None:
            return None
        ids = self.encode(text)
        return int((ids == self.unknown).sum()), len(ids)

    def known(self, text: str) -> str:
        """Return a text without its unknown tokens, or unchanged if all are."""
        if self.unknown is None:
            return text
        ids = self.encode(text).tolist()
        pieces = zip(self.source_pieces(text, ids), ids, strict=True)
        return "".join(piece for piece, id in pieces if id != self.unknown).strip() or text

    def longer(self, text: str, most: int) -> bool:
        """Return whether a text has more than ``most`` ids; short texts need no encoding (a byte or more per token)."""
        return len(self._spaced(text).encode("utf-8", "surrogatepass")) > most and len(self.encode(text)) > most

    def _spaced(self, text: str) -> str:
        return self._space + (text.lower() if self.lowercase else text).strip()

    def decode(self, ids: Sequence[int], unknown: Sequence[str] = ()) -> str:
        """Return the sentence of ``ids``; ``unknown`` has, for each of them, the replacement of an unknown token."""
        known = [id - SPECIAL for id in ids]
        if not unknown or self.unknown is None or self.unknown not in ids:
            return self.vocabulary.decode(known).strip()
        parts = []
        for id, replacement in zip(ids, unknown, strict=True):
            if id != self.unknown:
                parts.append(self.vocabulary.decode([id - SPECIAL]))
            else:
                parts.append(self._space + replacement.strip() if replacement.strip() else replacement)
        return "".join(parts).strip()

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return a readable label of each id."""
        return [shown(self.vocabulary.spell(id - SPECIAL).decode("utf-8", "replace")) for id in ids]

    def source_pieces(self, text: str, ids: Sequence[int]) -> list[str]:
        """Return the piece of ``text`` for each of its ids, also for unknown words."""
        for whole in (text.strip(), text.lower().strip()):  # lower case may have more characters
            cut = list(whole) if self.vocabulary.one_per_character else []
            if isinstance(self.vocabulary, WordVocabulary):
                cut = tokens(" " + whole)
            if len(cut) == len(ids):
                return cut
        return [self.vocabulary.spell(id - SPECIAL).decode("utf-8", "replace") for id in ids]

    def to_json(self) -> dict[str, Any]:
        """Return the tokenizer as JSON data for `from_json`."""
        return {"vocabulary": self.vocabulary.to_json(), "lowercase": self.lowercase}

    @classmethod
    def from_json(cls, data: Any) -> Language:
        """Build a tokenizer from the data of `to_json`, which is not trusted.

        Raises:
            DataError: the data is invalid.
        """
        data = data if isinstance(data, dict) else {}
        return cls(vocabulary_from_json(data.get("vocabulary")), data.get("lowercase") is True)

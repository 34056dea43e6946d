"""Byte-level byte-pair encoding (Sennrich et al. 2016), trained and applied by Hugging Face `tokenizers`.

The alphabet is the 256 bytes, so there is no unknown token and decoding is exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from ..checks import checked
from ..errors import ArgumentError, DataError
from .pieces import cut_safely
from .vocabulary import MAX_TOKENS, Ids, Vocabulary, outside_error

PIECE = 1 << 14  # characters per call of the tokenizer, which needs about 100 bytes of memory for each


def _byte_of_character() -> dict[str, int]:
    """Return the printable characters that represent the 256 bytes in byte-level BPE (Radford et al. 2019)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(others)}


class BPEVocabulary(Vocabulary):
    """A byte-pair vocabulary. ``tokenizer`` is the JSON text of a plain byte-level BPE model.

    Raises:
        DataError: the text is not such a model.
    """

    kind: ClassVar[str] = "bpe"

    @checked
    def __init__(self, tokenizer: str) -> None:
        from tokenizers import Tokenizer  # imported lazily

        self.tokenizer = tokenizer
        self._spelling = _checked(tokenizer)
        try:
            self._tokenizer = Tokenizer.from_str(tokenizer)
        except Exception as error:  # the library raises no specific exceptions
            raise DataError(f"a bpe vocabulary cannot be read: {error}") from None

    @classmethod
    def train(cls, chunks: Iterable[str], vocab_size: int) -> BPEVocabulary:
        """Learn ``vocab_size`` tokens, fewer if the text has no more pairs. Deterministic.

        Raises:
            ArgumentError: ``vocab_size`` is out of range.
        """
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        if not 256 <= vocab_size <= MAX_TOKENS:
            raise ArgumentError("vocab_size", f"between 256 (the bytes) and {MAX_TOKENS}", vocab_size)
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(_small(chunks), trainer)
        return cls(tokenizer.to_str())

    def __len__(self) -> int:
        return len(self._spelling)

    @checked
    def encode(self, text: str) -> Ids:
        try:
            parts = [np.array(self._tokenizer.encode(part).ids, dtype=self.dtype) for part in _small([text])]
        except (TypeError, UnicodeEncodeError):  # raised for surrogates only
            raise outside_error(self, self.outside(text)) from None
        return np.concatenate(parts) if parts else np.zeros(0, dtype=self.dtype)

    def spell(self, id: int) -> bytes:
        return self._spelling[id]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokenizer": self.tokenizer}


def _small(chunks: Iterable[str]) -> Iterator[str]:
    return (piece for chunk in chunks for piece in cut_safely(chunk, PIECE))


def _checked(text: str) -> list[bytes]:
    """Validate that this is a plain byte-level BPE model; return the bytes of each token."""
    try:
        data = json.loads(text)
        model, before = data["model"], data["pre_tokenizer"]
        vocabulary, merges = model["vocab"], model["merges"]
        extras = [
            data["normalizer"],
            data["post_processor"],
            *data["added_tokens"],
            data["truncation"],
            data["padding"],
        ]
        plain = (
            (model["type"], before["type"], before["add_prefix_space"], before["use_regex"])
            == ("BPE", "ByteLevel", False, True)
            and not any(extras)
            and not any(model.get(k) for k in ("dropout", "unk_token", "ignore_merges", "byte_fallback"))
            and not any(model.get(k) for k in ("continuing_subword_prefix", "end_of_word_suffix"))
        )
        if not plain or not 256 <= len(vocabulary) <= MAX_TOKENS:
            raise DataError("a bpe vocabulary must be a plain byte-level BPE model of at least 256 tokens")
        if sorted(vocabulary.values()) != list(range(len(vocabulary))):
            raise DataError("the ids of a bpe vocabulary must be 0, 1, 2, …, each once")
        if not all(left in vocabulary and right in vocabulary and left + right in vocabulary for left, right in merges):
            raise DataError("a bpe vocabulary must list all tokens of its merges")
        byte_of = _byte_of_character()
        if not byte_of.keys() <= vocabulary.keys():
            raise DataError("a bpe vocabulary must list all 256 bytes")
        tokens = sorted(vocabulary, key=vocabulary.__getitem__)
        return [bytes(byte_of[c] for c in token) for token in tokens]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"a bpe vocabulary is damaged ({type(error).__name__}: {error})") from None

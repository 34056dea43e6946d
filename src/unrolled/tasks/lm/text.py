"""The options that every task on text shares, and the text they name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from ...cells import check_size
from ...data import Corpus, TextData, open_corpus, prepare
from ...data.textfile import normal
from ...errors import ArgumentError
from ...training.config import since


@dataclass(frozen=True, kw_only=True)
class Text:
    """Which text, and how it is cut into symbols."""

    data: str = "stdlib"
    """text to learn: a file, a folder, a pattern ("src/**/*.py"), "text:…" literally, or a named corpus
    (unrolled data)"""
    separator: str | None = None
    """cut files into documents after each of these, e.g. "<|endoftext|>"; the files of a folder are documents anyway"""
    encoding: str = "utf-8"
    """encoding of the files"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """what to do with bytes that are no text in that encoding"""
    line_ends: Literal["unify", "keep"] | None = since("unify", before=None)
    """unify: line ends of Windows and old Macs (CRLF, CR) are read as \\n; keep: they are not"""
    vocabulary: Literal["char", "byte", "word", "bpe"] = "char"
    """symbols: characters, bytes, words or byte pairs (subwords)"""
    min_count: int = 1
    """characters or words seen less often become the unknown symbol"""
    vocab_size: int = 8192
    """size of a byte-pair vocabulary"""
    fractions: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """training, validation and test parts of the text, by position"""

    def __post_init__(self) -> None:
        check_size("min_count", self.min_count)
        check_size("vocab_size", self.vocab_size)
        if min(self.fractions) < 0 or self.fractions[0] == 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise ArgumentError("fractions", "three parts of at least 0 that add up to 1", self.fractions)

    def without_effect(self) -> dict[str, str]:
        """See `training.config.without_effect`."""
        used = {"min_count": ("char", "word"), "vocab_size": ("bpe",)}
        why = f"with --vocabulary {self.vocabulary}"
        return {name: why for name, kinds in used.items() if self.vocabulary not in kinds}

    def fingerprint(self, text: TextData) -> str:
        """Changes with the text and with everything that decides which part of it is which."""
        vocabulary = hashlib.sha256(json.dumps(text.vocabulary.to_json()).encode()).hexdigest()
        return " ".join([text.digest, vocabulary, repr(self.separator), *map(str, self.fractions)])

    def open(self, data: str | None = None, *, encoding: str | None = None, errors: str | None = None) -> Corpus:
        """The text, or another one read by the same rules (or by other ones for bytes)."""
        return open_corpus(
            self.data if data is None else data,
            separator=self.separator,
            encoding=encoding or self.encoding,
            errors=errors or self.errors,
            line_ends=self.line_ends,
            zeros=self.vocabulary == "byte",
        )

    def normal(self, text: str) -> str:
        """A text that comes from elsewhere, by the rules for this one's mark and line ends."""
        return normal(text, self.line_ends)

    def read(self) -> TextData:
        """Find, split and encode the text (once; the encoding is cached)."""
        return prepare(
            self.open(),
            kind=self.vocabulary,
            min_count=self.min_count,
            vocab_size=self.vocab_size,
            fractions=self.fractions,
        )

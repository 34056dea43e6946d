"""The options of a text corpus and its vocabulary."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from ...cells import check_size
from ...data import Corpus, TextData, Vocabulary, open_corpus, prepare
from ...data.fasta import Ambiguous, Case
from ...data.published import PARTED
from ...data.textfile import normal
from ...errors import ArgumentError
from ...training.config import refuse_changed, since


@dataclass(frozen=True, kw_only=True)
class Text:
    """The text corpus and its tokenization."""

    data: str = "stdlib"
    """training text: a file, folder, glob pattern, literal "text:…" or named corpus"""
    separator: str | None = None
    """document end in a file, e.g. "<|endoftext|>"; files of a folder are documents"""
    encoding: str = "utf-8"
    """encoding of the files"""
    errors: Literal["strict", "replace", "ignore"] = "strict"
    """handling of bytes that cannot be decoded"""
    line_ends: Literal["unify", "keep"] | None = since("unify", before=None)
    """unify: read the line endings CRLF and CR as \\n; keep: leave them unchanged"""
    fasta: Literal["auto", "yes", "no"] = since("auto", before="no")
    """read files as FASTA (auto: .fa, .fasta, .fna … that begin with ">")"""
    case: Case = "upper"
    """lower-case letters in FASTA (soft-masking): convert, or keep"""
    ambiguous: Ambiguous = "keep"
    """other FASTA codes than ACGTU: keep; n: as N; cut: end the sequence there"""
    vocabulary: Literal["char", "byte", "word", "bpe", "tokenized"] | None = None
    """tokens; tokenized: words at white space, <eos> per line (default: char; ptb, wikitext-2: tokenized)"""
    min_count: int = 1
    """characters or words seen less often become the unknown token"""
    vocab_size: int = 8192
    """size of a byte-pair vocabulary"""
    fractions: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """fractions of the text for training, validation and test, by position"""
    parts: Literal["files", "cut"] = since("files", before="cut")
    """files named train, valid and test are the parts; cut: always cut by --fractions"""

    def __post_init__(self) -> None:
        check_size("min_count", self.min_count)
        check_size("vocab_size", self.vocab_size)
        if min(self.fractions) < 0 or self.fractions[0] == 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise ArgumentError("fractions", "three fractions of at least 0 that sum to 1", self.fractions)

    def without_effect(self) -> dict[str, str]:
        """See `training.config.without_effect`."""
        used = {"min_count": ("char", "word", "tokenized"), "vocab_size": ("bpe",)}
        why = f"with --vocabulary {self.kind}"
        unused = {name: why for name, kinds in used.items() if self.kind not in kinds}
        return unused | (dict.fromkeys(("case", "ambiguous"), "with --fasta no") if self.fasta == "no" else {})

    @property
    def kind(self) -> str:
        """The kind of vocabulary."""
        return self.vocabulary or ("tokenized" if self.data in PARTED else "char")

    def fingerprint(self, text: TextData) -> str:
        """Return a digest of the text and of everything that determines its vocabulary and its split."""
        vocabulary = hashlib.sha256(json.dumps(text.vocabulary.to_json()).encode()).hexdigest()
        return " ".join([text.digest, vocabulary, repr(self.separator), *map(str, self.fractions)])

    def open(self, data: str | None = None, *, encoding: str | None = None, errors: str | None = None) -> Corpus:
        """Open the text, or another one with the same options except for ``encoding`` and ``errors``."""
        return open_corpus(
            self.data if data is None else data,
            separator=self.separator,
            encoding=encoding or self.encoding,
            errors=errors or self.errors,
            line_ends=self.line_ends,
            zeros=self.kind == "byte",
            parts=self.parts == "files",
            full_lines=self.kind == "tokenized",
            fasta={"auto": None, "yes": True, "no": False}[self.fasta],
            case=self.case,
            ambiguous=self.ambiguous,
        )

    def normal(self, text: str) -> str:
        """Normalize the byte order mark and the line endings of another text by the same rules."""
        return normal(text, self.line_ends)

    def read(self, base: Vocabulary | None = None, where: str = "") -> TextData:
        """Read, split and encode the text; the encoded text is cached.

        ``base`` is a vocabulary to extend by the tokens of the text, that of the model ``where``.

        Raises:
            ArgumentError: ``fractions`` are given for a corpus in parts.
        """
        corpus = self.open()
        if corpus.parts is not None:
            refuse_changed(self, ("fractions",), f"unless with --parts cut: the files of {self.data} are the parts")
        return prepare(
            corpus,
            kind=self.kind,
            min_count=self.min_count,
            vocab_size=self.vocab_size,
            fractions=self.fractions,
            base=base,
            where=where,
        )

"""A text with a gap for a word: ``The clouds are in the ___``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...data import Vocabulary, WordVocabulary
from ...data.pieces import last_cut
from ...data.vocabulary import describe
from ...errors import ArgumentError

_BOUNDARY = re.compile(r"(?<!\s)[ \n\t\r]")  # a token of any vocabulary begins here; see data.pieces


@dataclass(frozen=True)
class Gap:
    """A gap in a text.

    Attributes:
        left: the text before it.
        marker: its marker.
        right: the text after it; empty if that is only spaces.
    """

    left: str
    marker: str
    right: str

    @classmethod
    def of(cls, text: str, marker: str, vocabulary: Vocabulary) -> Gap:
        """Find the gap of a text; a longer run of the marker's character is one gap, too.

        Raises:
            ArgumentError: there is not exactly one gap, there is no text around it, or the text cannot be encoded.
        """
        run = f"{re.escape(marker[0])}{{{len(marker)},}}" if set(marker) == {marker[0]} else re.escape(marker)
        found = list(re.finditer(run, text))
        if len(found) != 1:
            remedy = "keep one of them" if found else f"write {marker} for the missing word"
            raise ArgumentError("text", f"a text with one gap ({marker})", text, remedy)
        left, right = text[: found[0].start()], text[found[0].end() :]
        if not left.strip() and not right.strip():
            raise ArgumentError("text", f"words before or after the gap ({marker})", text, "add some")
        if outside := vocabulary.outside(left + right):
            expected = f"text in the model's {vocabulary.kind} vocabulary ({len(vocabulary)} tokens)"
            raise ArgumentError("text", expected, text, f"remove {describe(outside)}")
        gap = cls(left, found[0].group(), right if right.strip(" \t") else "")
        if isinstance(vocabulary, WordVocabulary) and (gap.continues or re.search(r"\w\Z", left)):
            expected = "a gap for a whole word, because the model's tokens are words"
            raise ArgumentError("text", expected, text, "put a space or a punctuation mark beside the gap")
        return gap

    @property
    def continues(self) -> bool:
        """Whether the text after the gap continues the word."""
        return re.match(r"\w", self.right) is not None

    @property
    def before(self) -> tuple[str, str]:
        """The text before the gap, split at its last token boundary."""
        cut = last_cut(self.left)
        return self.left[:cut], self.left[cut:]

    @property
    def after(self) -> tuple[str, str]:
        """The text after the gap, split at its first token boundary."""
        found = _BOUNDARY.search(self.right)
        cut = found.start() if found else len(self.right)
        return self.right[:cut], self.right[cut:]

    @property
    def spaced(self) -> bool:
        """Whether a space precedes the gap; a token of words or byte pairs includes it."""
        return self.left.endswith(" ")

    def check_words(self, words: Sequence[str], vocabulary: Vocabulary) -> list[str]:
        """Return given candidates for the gap, without repetitions.

        Raises:
            ArgumentError: a word is blank or is not in the vocabulary.
        """
        for word in words:
            if not word.strip():
                raise ArgumentError("words", "words of at least one letter", word)
            placed = f" {word}" if self.spaced else word
            if vocabulary.outside(word) or vocabulary.unknown in vocabulary.encode(placed).tolist():
                raise ArgumentError("words", f"words in the model's {vocabulary.kind} vocabulary", word)
        return list(dict.fromkeys(words))

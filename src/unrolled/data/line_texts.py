"""The texts of lines: one Unicode normal form, single spaces, nothing that a picture cannot show; and what is odd.

byte order mark        removed
runs of white space    a single space; none at the ends
characters of control  removed: also marks of direction, which have no width
several lines          joined with spaces
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

NormalForm = Literal["NFC", "NFD", "NFKC", "NFKD", "none"]

_INVISIBLE = re.compile(
    r"[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_SPACES = re.compile(r"\s+")
_FINAL = frozenset("ךםןףץةى")  # letters that only end a word
_ENDS = ("<final>", "<isolated>")
EXAMPLES = 3
SURE = 2  # places in visual order for each in logical order


@dataclass
class TextNotes:
    """Counts what was changed in texts, and what is odd about them.

    Attributes:
        form: the normal form that texts are converted to.
    """

    form: NormalForm = "NFC"
    counts: dict[str, list[str]] = field(default_factory=dict)
    total: int = 0

    def clean(self, text: str, name: str) -> str:
        """Return a text in its final form; ``name`` is the name of its line."""
        self.total += 1
        if len([line for line in text.splitlines() if line.strip()]) > 1:
            self._count("of several lines, joined with spaces; is each picture a single line?", name)
        visible = _INVISIBLE.sub("", text.removeprefix("\ufeff"))
        if visible != text.removeprefix("\ufeff"):
            self._count("with characters without width, such as marks of direction: removed", name)
        if text.startswith("\ufeff"):
            self._count("with a byte order mark: removed", name)
        single = " ".join(_SPACES.split(visible.strip()))
        if re.search(r"\s\s", visible.strip()):
            self._count("with runs of spaces: replaced by single ones", name)
        if self.form == "none":
            if not unicodedata.is_normalized("NFC", single):
                self._count("not in the normal form NFC: not converted", name)
            return single
        if not unicodedata.is_normalized(self.form, single):
            self._count(f"not in the normal form {self.form}: converted", name)
        return unicodedata.normalize(self.form, single)

    def _count(self, what: str, name: str) -> None:
        self.counts.setdefault(what, []).append(name)

    def notes(self) -> list[str]:
        """Return a note for each kind of change."""
        return [counted("text", names, what, self.total) for what, names in self.counts.items()]


def order_notes(texts: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return a warning if texts seem to be in visual order: letters from left to right as a picture shows them.

    Signs of it are letters at the wrong end of words (final forms first, or initial ones last), closing brackets before
    their opening ones in texts from right to left, and words that begin with a vowel sign.
    """
    visual, logical = list[str](), 0
    for text, name in zip(texts, names, strict=True):
        against, agreeing = _signs(text)
        visual += [name] * (against > agreeing)
        logical += agreeing > against
    if len(visual) <= SURE * logical:
        return []
    what = (
        "that seem to be in visual order (final letters at the beginning of words, or brackets or vowel signs in the "
        "wrong order); give texts in logical order, in which they are read and typed"
    )
    return [counted("text", visual, what, len(texts))]


def _signs(text: str) -> tuple[int, int]:
    """Return how many signs a text has of visual and of logical order."""
    visual = logical = 0
    for word in text.split():
        letters = [character for character in word if unicodedata.category(character)[0] in "LM"]
        if not letters:
            continue
        first, last = letters[0], letters[-1]
        if len(letters) > 1:
            visual += _ends_words(first) or _begins_words(last)
            logical += _ends_words(last) or _begins_words(first)
    if any(unicodedata.category(character) == "Mc" for character in text):  # vowel signs of Indic scripts
        begins = any(unicodedata.category(word[0]) == "Mc" for word in text.split())
        visual, logical = visual + begins, logical + (not begins)
    if _is_rtl(text):
        opening, closing = text.find("("), text.find(")")
        visual += 0 <= closing < opening
        logical += 0 <= opening < closing
    return visual, logical


def _ends_words(character: str) -> bool:
    return character in _FINAL or unicodedata.decomposition(character).startswith("<final>")


def _begins_words(character: str) -> bool:
    return unicodedata.decomposition(character).startswith("<initial>")


def _is_rtl(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def shape_notes(texts: Sequence[str], ratios: Iterable[float], names: Sequence[str]) -> tuple[list[str], int]:
    """Return warnings about pictures that do not seem to be single upright lines, and their number.

    Args:
        texts: the text of each picture.
        ratios: width / height of each.
        names: the name of each.
    """
    turned, pages = list[str](), list[str]()
    for text, ratio, name in zip(texts, ratios, names, strict=True):
        letters = len([character for character in text if not unicodedata.combining(character)])
        if letters >= UPRIGHT and ratio < 1 / 2 and 1 / ratio > NARROWEST * letters:
            turned.append(name)
        elif ratio < NARROWEST * letters:
            pages.append(name)
    notes = []
    if turned:
        what = "higher than wide: lines turned by 90 degrees? Turn them so that the text is horizontal"
        notes.append(counted("picture", turned, what, len(texts)))
    if pages:
        what = "with more text than fits into a line of their shape: pages or paragraphs? Cut them into lines"
        notes.append(counted("picture", pages, what, len(texts)))
    return notes, len(turned) + len(pages)


UPRIGHT = 4  # characters, from which on a line is wider than high
NARROWEST = 0.1  # width of a character, in heights of a line


def counted(noun: str, names: Sequence[str], what: str, total: int) -> str:
    """Return a note on some of all lines, such as ``2 of 9 texts with …: converted (a.png, b.png)``."""
    shown = ", ".join(name.rpartition("/")[2] for name in names[:EXAMPLES]) + (", …" if len(names) > EXAMPLES else "")
    return f"{len(names):,} of {total:,} {noun}{'s' * (total > 1)} {what} ({shown})"

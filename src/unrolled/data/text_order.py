"""The order of the characters of a line: as stored (logical), and as a network reads them from left to right (visual).

    logical → visual    the Unicode bidirectional algorithm, once, with mirrored brackets; then signs that stand left of
                        their consonants (Indic_Positional_Category = Left) are put before them
    visual → logical    the reverse of both

Marks follow the character that they belong to, in both orders. Texts of letters of both directions can have the same
visual order: a paragraph that begins with "abc" and continues in Hebrew looks like a Hebrew one that ends with "abc".
`TextOrder.text` then returns the text of the given direction, or, with "auto", of the direction that more letters have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import regex

from ..errors import ArgumentError
from .bidi import base_level, bidi_class
from .visual_order import is_mark, to_logical, to_visual

Direction = Literal["auto", "ltr", "rtl"]
Units = Literal["code-points", "clusters"]
DIRECTIONS: tuple[Direction, ...] = ("auto", "ltr", "rtl")
UNITS: tuple[Units, ...] = ("code-points", "clusters")

_TURNED = regex.compile(r"[\p{bc=R}\p{bc=AL}\p{bc=AN}\p{bc=RLE}\p{bc=RLO}\p{bc=LRO}\p{bc=RLI}]")
_CLUSTER = regex.compile(r"\X")
# In Tamil, and before a non-joiner, the virama is visible, and the sign stands after it.
_JOINED = r"(?:[[\p{InSC=Virama}\p{InSC=Invisible_Stacker}]--[\u0BCD]]\u200D?)"
_LETTER = r"\p{L}[\p{InSC=Nukta}\p{InSC=Consonant_Medial}\p{InSC=Consonant_Subjoined}]*"
_BEFORE = regex.compile(rf"(?V1)((?:{_LETTER}{_JOINED})*{_LETTER})(\p{{InPC=Left}})")
_AFTER = regex.compile(rf"(?V1)(\p{{InPC=Left}})((?:{_LETTER}{_JOINED})*{_LETTER})")
_LEFT = regex.compile(r"\p{InPC=Left}")


class TextOrder:
    """Converts texts to the symbols that a network reads, and back.

    Args:
        direction: of the paragraphs: ``"ltr"``, ``"rtl"``, or ``"auto"``: that of the first letter of a line.
        units: what a symbol is: ``"code-points"``, or grapheme ``"clusters"``, a letter with all its marks.

    Raises:
        ArgumentError: an unknown direction or unit.
    """

    def __init__(self, direction: Direction = "auto", units: Units = "code-points") -> None:
        if direction not in DIRECTIONS:
            raise ArgumentError("direction", f"one of {', '.join(DIRECTIONS)}", direction)
        if units not in UNITS:
            raise ArgumentError("units", f"one of {', '.join(UNITS)}", units)
        self.direction, self.units = direction, units

    def base(self, text: str) -> int:
        """Return 1 if the paragraph of a line is written from right to left, otherwise 0."""
        if self.direction == "auto":
            return base_level(text) or 0
        return int(self.direction == "rtl")

    def symbols(self, text: str) -> list[str]:
        """Return the symbols of a text in logical order, in the order from left to right on the line."""
        return [symbol for symbol, _ in self._placed(text)]

    def places(self, text: str) -> list[int]:
        """Return the index in ``text`` at which each of `symbols` begins."""
        return [place for _, place in self._placed(text)]

    def text(self, symbols: Sequence[str]) -> str:
        """Return the text in logical order of symbols in the order from left to right on the line.

        The result has exactly these symbols if any text has; otherwise its order is the most plausible one.
        """
        joined = "".join(symbols)
        if self.units == "code-points" and _LEFT.search(joined):
            joined = _AFTER.sub(r"\2\1", joined)
        if not _TURNED.search(joined) and self.direction != "rtl":
            return joined
        atoms = list(symbols) if self.units == "clusters" else _marked(joined)
        exact, text = False, ""
        for base in self._bases(joined):
            found = to_logical(atoms, base)
            candidate = "".join(found.atoms)
            right = found.exact and self.base(candidate) == base
            if right or not text:
                exact, text = right, candidate
            if exact:
                break
        return text

    def _placed(self, text: str) -> list[tuple[str, int]]:
        """Return each symbol with its index in the text."""
        base, clusters = self.base(text), self.units == "clusters"
        if not base and not _TURNED.search(text):
            placed = _indexed(_CLUSTER.findall(text) if clusters else list(text))
        else:
            atoms = _indexed(_CLUSTER.findall(text) if clusters else _marked(text))
            visual = to_visual([atom for atom, _ in atoms], base)
            placed = [(atom, atoms[index][1]) for atom, index in visual]
            if not clusters:
                placed = [(character, place + n) for atom, place in placed for n, character in enumerate(atom)]
        if not clusters and _LEFT.search(text):
            for match in _BEFORE.finditer("".join(symbol for symbol, _ in placed)):
                begin, end = match.span()
                placed[begin:end] = [placed[end - 1], *placed[begin : end - 1]]
        return placed

    def _bases(self, text: str) -> tuple[int, ...]:
        """Return the levels that the paragraph may have, the most plausible one first."""
        if self.direction != "auto":
            return (int(self.direction == "rtl"),)
        kinds = [bidi_class(character) for character in text]
        return (1, 0) if kinds.count("R") + kinds.count("AL") > kinds.count("L") else (0, 1)


def _marked(text: str) -> list[str]:
    """Return the characters of a text, each joined with the marks after it."""
    atoms: list[str] = []
    for character in text:
        if atoms and is_mark(character):
            atoms[-1] += character
        else:
            atoms.append(character)
    return atoms


def _indexed(atoms: Sequence[str]) -> list[tuple[str, int]]:
    """Return each item with the index in the text at which it begins."""
    placed, begin = [], 0
    for atom in atoms:
        placed.append((atom, begin))
        begin += len(atom)
    return placed

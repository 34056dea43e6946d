"""Hypotheses about a text: for each character, what a unit that has read up to and with it might know.

A **binary** hypothesis is true or false at each character, a **numeric** one a number. Just after an opening quote one
is inside the quotes, just after the closing one no more; a depth and a position count the character itself. Brackets
in strings and comments do not count, and a blank line before an unindented one closes all brackets, so that one stray
bracket does not spoil the rest of a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..data.characters import code_points
from .source import Language, Mask, Span, code_only, conditions, double_quotes, inside, language_of, quoted

Numbers = npt.NDArray[np.float32]

_URL = re.compile(r"(?:(?:https?|ftp)://|www\.)[^\s<>\"'`)\]}]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([^}\n]*)\}")


@dataclass(frozen=True)
class Text:
    """A text and what several hypotheses need of it."""

    text: str

    @cached_property
    def language(self) -> Language:
        return language_of(self.text)

    @cached_property
    def code(self) -> str:
        """Without what stands in strings and comments."""
        return code_only(self.text, self.language)

    @cached_property
    def _kinds(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.intp]]:
        return np.unique(code_points(self.text), return_inverse=True)

    def __len__(self) -> int:
        return len(self.text)

    def where(self, test: Callable[[str], bool]) -> Mask:
        """The characters for which ``test`` is true."""
        kinds, which = self._kinds
        return np.array([test(chr(code)) for code in kinds], dtype=np.bool_)[which]

    @cached_property
    def line_begins(self) -> npt.NDArray[np.int64]:
        """For each character the place of the last line end up to it, −1 before the first."""
        at = np.arange(len(self))
        return np.maximum.accumulate(np.where(self.where("\n".__eq__), at, -1))


def in_string_or_comment(text: Text) -> Mask:
    """From the opening mark up to, and without, the closing one; a comment up to its line's end."""
    spans = quoted(text.text, text.language)
    return inside(len(text), ((begin, end if _open_ended(text.text, begin) else end - 1) for begin, end in spans))


def _open_ended(text: str, begin: int) -> bool:
    return text[begin] == "#" or text.startswith("//", begin)


def in_environment(text: Text) -> Mask:
    """In a LaTeX environment other than the document itself."""
    spans: list[Span] = []
    opened: list[tuple[str, int]] = []
    for found in _ENVIRONMENT.finditer(text.text):
        what, name = found.groups()
        if what == "begin":
            opened.append((name, found.end()))
        elif name in {one for one, _ in opened}:
            while opened:
                one, begin = opened.pop()
                if one != "document":
                    spans.append((begin, found.start()))
                if one == name:
                    break
    return inside(len(text), spans)


def depth(text: Text, opening: str, closing: str) -> Numbers:
    """How many of these brackets are open."""
    marks = re.compile(rf"[{re.escape(opening + closing)}]|\n[ \t]*\n(?=\S)")
    change = np.zeros(len(text), dtype=np.float32)
    now = 0
    for found in marks.finditer(text.code):
        step = 1 if found.group() == opening else -1 if found.group() == closing else -now
        step = max(step, -now)
        change[found.start()] += step
        now += step
    return np.cumsum(change, dtype=np.float64).astype(np.float32)


def in_line(text: Text) -> Numbers:
    """Characters of the line so far; 0 at its end."""
    return (np.arange(len(text)) - text.line_begins).astype(np.float32)


def left_in_line(text: Text) -> Numbers:
    """Characters that are still to come before the line's end."""
    n = len(text)
    ends = np.where(text.where("\n".__eq__), np.arange(n), n)
    following = np.append(np.minimum.accumulate(ends[::-1])[::-1][1:], n)
    return (following - np.arange(n) - 1).astype(np.float32)


def in_word(text: Text) -> Numbers:
    """Characters of the word so far; 0 outside words."""
    at = np.arange(len(text))
    outside = ~text.where(lambda c: c.isalnum() or c == "_")
    return (at - np.maximum.accumulate(np.where(outside, at, -1))).astype(np.float32)


def indentation(text: Text) -> Numbers:
    """Blanks with which the line begins, as far as it has been read."""
    n, at = len(text), np.arange(len(text))
    position = at - text.line_begins  # 0 at a line end, which counts as the beginning of the next line
    ink = np.flatnonzero((position > 0) & ~text.where(" \t".__contains__))[::-1]
    first = np.full(n + 1, n)  # by the place of the line end before it, each line's first character that is no blank
    first[text.line_begins[ink]] = ink
    begun = first[text.line_begins]
    return np.where(position == 0, 0, np.where(at < begun, position, begun - text.line_begins - 1)).astype(np.float32)


Label = Callable[[Text], npt.NDArray[np.bool_] | Numbers]

BUILT_IN: dict[str, Label] = {
    "inside double quotes": lambda text: inside(len(text), double_quotes(text.text, text.language)),
    "inside a string or comment": in_string_or_comment,
    "inside the condition of an if": lambda text: inside(len(text), conditions(text.code, text.language)),
    "in a number": lambda text: inside(len(text), (found.span() for found in _NUMBER.finditer(text.text))),
    "in a URL": lambda text: inside(len(text), (found.span() for found in _URL.finditer(text.text))),
    "in a LaTeX environment": in_environment,
    "capital": lambda text: text.where(str.isupper),
    "digit": lambda text: text.where(str.isdigit),
    "vowel": lambda text: text.where("aeiouAEIOU".__contains__),
    "parenthesis depth": lambda text: depth(text, "(", ")"),
    "bracket depth": lambda text: depth(text, "[", "]"),
    "brace depth": lambda text: depth(text, "{", "}"),
    "indentation": indentation,
    "position in the line": in_line,
    "characters left in the line": left_in_line,
    "position in the word": in_word,
}

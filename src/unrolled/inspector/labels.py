"""The built-in hypotheses: for each character, what a unit may encode after reading the text up to and including it.

A **binary** hypothesis is true or false at each character, a **numeric** one is a number. The opening quote counts as
inside the quotes, the closing one as outside; depths and positions count the current character. Brackets in strings
and comments do not count. A blank line before an unindented line closes all brackets, so that a stray bracket does not
affect the rest of the text.
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
    """A text with cached properties that several hypotheses share."""

    text: str

    @cached_property
    def language(self) -> Language:
        """The text's kind: Python, C-like or prose."""
        return language_of(self.text)

    @cached_property
    def code(self) -> str:
        """The text with strings and comments blanked out."""
        return code_only(self.text, self.language)

    @cached_property
    def _kinds(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.intp]]:
        return np.unique(code_points(self.text), return_inverse=True)

    def __len__(self) -> int:
        return len(self.text)

    def where(self, test: Callable[[str], bool]) -> Mask:
        """Return ``(n,)``: whether ``test`` is true for each character."""
        kinds, which = self._kinds
        return np.array([test(chr(code)) for code in kinds], dtype=np.bool_)[which]

    @cached_property
    def line_begins(self) -> npt.NDArray[np.int64]:
        """``(n,)``: for each character the position of the last line end up to and including it; −1 if none."""
        at = np.arange(len(self))
        return np.maximum.accumulate(np.where(self.where("\n".__eq__), at, -1))


def in_string_or_comment(text: Text) -> Mask:
    """True from the opening mark up to the closing one, excluded; for a comment, up to the end of the line."""
    spans = quoted(text.text, text.language)
    return inside(len(text), ((begin, end if _open_ended(text.text, begin) else end - 1) for begin, end in spans))


def _open_ended(text: str, begin: int) -> bool:
    return text[begin] == "#" or text.startswith("//", begin)


def in_environment(text: Text) -> Mask:
    """True inside a LaTeX environment other than ``document``."""
    spans: list[Span] = []
    opened: list[tuple[str, int]] = []
    for match in _ENVIRONMENT.finditer(text.text):
        command, name = match.groups()
        if command == "begin":
            opened.append((name, match.end()))
        elif name in {environment for environment, _ in opened}:
            while opened:
                environment, begin = opened.pop()
                if environment != "document":
                    spans.append((begin, match.start()))
                if environment == name:
                    break
    return inside(len(text), spans)


def depth(text: Text, opening: str, closing: str) -> Numbers:
    """Return the number of open brackets of this kind at each character."""
    marks = re.compile(rf"[{re.escape(opening + closing)}]|\n[ \t]*\n(?=\S)")
    change = np.zeros(len(text), dtype=np.float32)
    current = 0
    for match in marks.finditer(text.code):
        step = 1 if match.group() == opening else -1 if match.group() == closing else -current
        step = max(step, -current)
        change[match.start()] += step
        current += step
    return np.cumsum(change, dtype=np.float64).astype(np.float32)


def in_line(text: Text) -> Numbers:
    """Return the number of characters of the line so far; 0 at the line end."""
    return (np.arange(len(text)) - text.line_begins).astype(np.float32)


def left_in_line(text: Text) -> Numbers:
    """Return the number of characters left before the line end."""
    n = len(text)
    ends = np.where(text.where("\n".__eq__), np.arange(n), n)
    following = np.append(np.minimum.accumulate(ends[::-1])[::-1][1:], n)
    return (following - np.arange(n) - 1).astype(np.float32)


def in_word(text: Text) -> Numbers:
    """Return the number of characters of the word so far; 0 outside words."""
    at = np.arange(len(text))
    outside = ~text.where(lambda c: c.isalnum() or c == "_")
    return (at - np.maximum.accumulate(np.where(outside, at, -1))).astype(np.float32)


def indentation(text: Text) -> Numbers:
    """Return the number of leading blanks of the line, as far as it has been read."""
    n, at = len(text), np.arange(len(text))
    position = at - text.line_begins  # 0 at a line end, which counts as the beginning of the next line
    nonblank = np.flatnonzero((position > 0) & ~text.where(" \t".__contains__))[::-1]
    first = np.full(n + 1, n)  # indexed by the preceding line end: the first nonblank character of each line
    first[text.line_begins[nonblank]] = nonblank
    begun = first[text.line_begins]
    return np.where(position == 0, 0, np.where(at < begun, position, begun - text.line_begins - 1)).astype(np.float32)


Label = Callable[[Text], npt.NDArray[np.bool_] | Numbers]

CODE = {"inside a string or comment", "inside the condition of an if"}
"""The built-in hypotheses that apply only to text recognised as code."""

BUILT_IN: dict[str, Label] = {
    "inside double quotes": lambda text: inside(len(text), double_quotes(text.text, text.language)),
    "inside a string or comment": in_string_or_comment,
    "inside the condition of an if": lambda text: inside(len(text), conditions(text.code, text.language)),
    "in a number": lambda text: inside(len(text), (match.span() for match in _NUMBER.finditer(text.text))),
    "in a URL": lambda text: inside(len(text), (match.span() for match in _URL.finditer(text.text))),
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

"""Detect whether a text is source code, and find its strings, comments and conditions.

This is not a parser: regular expressions find strings and comments from left to right, as a lexer would.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

Language = Literal["python", "c", "prose"]
Span = tuple[int, int]
Mask = npt.NDArray[np.bool_]

LINES = 4000  # lines examined to detect the language
_PYTHON_LINE = re.compile(r"\s*(?:(?:def|class|elif|for|with|if|while)\b.*:|import \w|from [\w.]+ import\b|return\b)")
_C_LINE = re.compile(r".*[;{}]\s*$")
_QUOTED: dict[Language, re.Pattern[str]] = {
    "python": re.compile(
        r'("""|\'\'\')(?:\\.|(?!\1)[^\\])*(?:\1|\Z)|"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?|\#[^\n]*', re.DOTALL
    ),
    "c": re.compile(
        r'"(?:\\.|[^"\\\n])*"?|\'(?:\\.|[^\'\\\n])*\'?|//[^\n]*|/\*(?:(?!\*/).)*(?:\*/|\Z)', re.DOTALL
    ),
}  # fmt: skip
_PARAGRAPH = re.compile(r"[\"“”]|\n[ \t]*\n")


def language_of(text: str) -> Language:
    """Return whether a text is Python, a language with C-like punctuation, or prose, judged by its lines."""
    lines = [line for line in text[: 100 * LINES].splitlines()[:LINES] if line.strip()]
    python = sum(_PYTHON_LINE.match(line) is not None for line in lines)
    c = sum(_C_LINE.match(line) is not None for line in lines)
    if python > 0.05 * len(lines) and python > c:
        return "python"
    return "c" if c > 0.25 * len(lines) else "prose"


def quoted(text: str, language: Language) -> list[Span]:
    """Return the spans of strings and comments of a program, quotation marks included; none for prose."""
    pattern = _QUOTED.get(language)
    return [] if pattern is None else [match.span() for match in pattern.finditer(text)]


def code_only(text: str, language: Language) -> str:
    """Return ``text`` with every string and comment blanked out; positions and line ends are preserved."""
    parts, at = [], 0
    for begin, end in quoted(text, language):
        parts += [text[at:begin], re.sub(r"[^\n]", " ", text[begin:end])]
        at = end
    return "".join([*parts, text[at:]])


def inside(length: int, spans: Iterable[Span]) -> Mask:
    """Return ``(length,)``: true from the beginning of each span up to its end, excluded."""
    steps = np.zeros(length + 1, dtype=np.int32)
    for begin, end in spans:
        steps[begin] += 1
        steps[end] -= 1
    return np.cumsum(steps[:length]) > 0


def double_quotes(text: str, language: Language) -> list[Span]:
    """Return the spans in double quotes, without the closing mark; in prose a quotation ends with its paragraph."""
    if language != "prose":
        return [
            (begin, end - 1) for begin, end in quoted(text, language) if text[begin] == '"' and end - begin > 1
        ]  # fmt: skip
    spans, opened = [], -1
    for match in _PARAGRAPH.finditer(text):
        mark = match.group()
        if opened >= 0 and mark != "“":
            spans.append((opened, match.start()))
            opened = -1
        elif opened < 0 and mark in ('"', "“"):
            opened = match.start()
    return [*spans, (opened, len(text))] if opened >= 0 else spans


def conditions(code: str, language: Language) -> list[Span]:
    """Return the spans between ``if`` and the colon (Python), or in the parentheses after it (C)."""
    if language == "python":
        begins = (match.end() for match in re.finditer(r"^[ \t]*(?:if|elif)\b", code, re.MULTILINE))
        return [(begin, _end(code, begin, ":\n")) for begin in begins]
    if language == "c":
        begins = (match.end() for match in re.finditer(r"\bif\s*\(", code))
        return [(begin, _end(code, begin, ")")) for begin in begins]
    return []


def _end(code: str, begin: int, closing: str, longest: int = 2000) -> int:
    """Return the position of the first of ``closing`` after ``begin``, outside brackets opened since."""
    depth = 0
    for at in range(begin, min(len(code), begin + longest)):
        c = code[at]
        if depth == 0 and c in closing and code[at - 1] != "\\":
            return at
        depth += (c in "([{") - (c in ")]}")
    return min(len(code), begin + longest)

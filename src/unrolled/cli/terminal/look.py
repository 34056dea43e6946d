"""Formatting of numbers and text for a terminal."""

from __future__ import annotations

import math
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console

from ...results.duration import clock as clock

BOLD, DIM, PLAIN = "\033[1m", "\033[2m", "\033[0m"
# Generated text may contain control sequences that would manipulate the terminal: C0 controls become their symbols
# (U+2400…), other controls and bidirectional overrides U+FFFD.
_PRINTABLE: dict[int, int | str] = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_PRINTABLE.update(dict.fromkeys((*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD))
_PRINTABLE[ord("\r")] = ""


def printable(text: str) -> str:
    """Return ``text`` with control characters made visible, except newlines and tabs."""
    return text.translate(_PRINTABLE)


def fitted(text: str, width: int | None = None) -> str:
    """Return ``text`` cut to ``width``, by default the terminal's (100 without a terminal)."""
    width = width or shutil.get_terminal_size((100, 24)).columns
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)).rstrip() + "…"


def console(*, stderr: bool = False) -> Console:
    """Return a rich console without highlighting, markup and emoji codes."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def is_live(stream: Console) -> bool:
    """Return whether lines can be rewritten in place."""
    return stream.is_terminal and not stream.is_dumb_terminal


def bits(config: Any, loss: float) -> float | None:
    """Return a training loss in bits per character; `None` if tokens are not characters."""
    per_character = getattr(getattr(config, "data", None), "kind", None) == "char"
    return loss / math.log(2) if per_character else None


def size(count: float) -> str:
    """Return a human-readable number of bytes."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def command(*words: str | Path) -> str:
    """Return an ``unrolled`` command line, quoted for a shell."""
    return "unrolled " + shlex.join(str(word) for word in words)


def to_terminal() -> bool:
    """Return whether standard output is a terminal; if not, text is written unchanged."""
    return sys.stdout.isatty()


def show(text: str, style: str = "") -> None:
    """Write text and flush: printable and in ``style`` on a terminal, unchanged to a file."""
    if to_terminal():
        text = printable(text)
        text = f"{style}{text}{PLAIN}" if style and text else text
    sys.stdout.write(text)
    sys.stdout.flush()


def end_line(text: str) -> None:
    """Write a newline unless ``text`` ends with one."""
    if not text.endswith("\n"):
        show("\n")

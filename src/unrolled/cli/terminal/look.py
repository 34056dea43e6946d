"""How numbers and a model's text look on a terminal."""

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
# A model may write anything, also the control sequences with which a text can take over the terminal it is shown
# on: C0 controls become their pictures (U+2400…), other controls and bidirectional overrides U+FFFD.
_HARMLESS: dict[int, int | str] = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
_HARMLESS.update(dict.fromkeys((*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD))
_HARMLESS[ord("\r")] = ""


def printable(text: str) -> str:
    """``text`` with what could steer a terminal made visible instead; lines and tabs stay."""
    return text.translate(_HARMLESS)


def fitted(text: str, width: int | None = None) -> str:
    """``text`` cut to the width of the terminal, or of one where there is none."""
    width = width or shutil.get_terminal_size((100, 24)).columns
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)).rstrip() + "…"


def console(*, stderr: bool = False) -> Console:
    """A quiet rich console: no guessing of colours in numbers and paths, no markup and no emoji in texts."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def is_live(stream: Console) -> bool:
    """Whether a line can be rewritten in place."""
    return stream.is_terminal and not stream.is_dumb_terminal


def bits(config: Any, loss: float) -> float | None:
    """Bits per character of a training loss; `None` where a symbol is not a character."""
    per_character = getattr(getattr(config, "data", None), "vocabulary", None) == "char"
    return loss / math.log(2) if per_character else None


def size(count: float) -> str:
    """A number of bytes for a person."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def command(*words: str | Path) -> str:
    """A command line of ours that can be pasted into a shell."""
    return "unrolled " + shlex.join(str(word) for word in words)


def to_terminal() -> bool:
    """Whether standard output is a person's terminal; else text goes out exactly as it is."""
    return sys.stdout.isatty()


def show(text: str, style: str = "") -> None:
    """Write a piece of text at once: harmless and in ``style`` to a terminal, exactly as it is to a file."""
    if to_terminal():
        text = printable(text)
        text = f"{style}{text}{PLAIN}" if style and text else text
    sys.stdout.write(text)
    sys.stdout.flush()


def end_line(text: str) -> None:
    """End the line unless ``text`` has done so."""
    if not text.endswith("\n"):
        show("\n")

"""Where a picture can be written, asked before the work of which it is to tell; writing it; words in it."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, SaveError


def check_picture(path: Path) -> None:
    """Raise `ArgumentError` if no picture can be made there, `SaveError` if it may not be written."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ArgumentError("picture", "a file that ends in .png, .svg or .pdf", str(path))
    if not path.absolute().parent.is_dir():
        raise ArgumentError("picture", "in a folder that exists", str(path))
    if path.is_dir() or not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        why = "Is a directory" if path.is_dir() else "Permission denied"
        raise SaveError(f"cannot write {path}: {why}; choose another place")
    if importlib.util.find_spec("matplotlib") is None:
        raise ArgumentError("picture", "left out without matplotlib", str(path), "pip install 'unrolled[plot]'")


def save_picture(figure: Any, path: Path, dpi: float = 130, **options: Any) -> None:
    """Write a matplotlib figure.

    Raises:
        SaveError: the disk is full, or it may not be written.
    """
    try:
        figure.savefig(path, dpi=dpi, **options)
    except OSError as error:
        raise SaveError(f"cannot write {path}: {error.strerror}; choose another place") from error


def shown(word: str, most: int) -> str:
    """A word for a picture: at most so many letters, on one line, and without mathematics."""
    word = "".join(letter if letter.isprintable() else "�" for letter in word)
    word = word if len(word) <= most else word[: most - 1] + "…"
    return word.replace("$", r"\$")


def drawn(write: Callable[[Path], None], suffix: str = ".png") -> bytes:
    """The file that ``write`` writes, where its bytes are wanted rather than the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{suffix}"
        write(path)
        return path.read_bytes()

"""Pictures: check the path before the computation, save figures, format labels."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, SaveError


def check_picture(path: Path) -> None:
    """Raise `ArgumentError` if the path is not suitable for a picture, `SaveError` if it is not writable."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ArgumentError("picture", "a file with the suffix .png, .svg or .pdf", str(path))
    if not path.absolute().parent.is_dir():
        raise ArgumentError("picture", "in an existing folder", str(path))
    if path.is_dir() or not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        why = "Is a directory" if path.is_dir() else "Permission denied"
        raise SaveError(f"cannot write {path}: {why}; choose another path")
    if importlib.util.find_spec("matplotlib") is None:
        raise ArgumentError("picture", "omitted without matplotlib", str(path), "pip install 'unrolled[plot]'")


def save_picture(figure: Any, path: Path, dpi: float = 130, **options: Any) -> None:
    """Save a matplotlib figure.

    Raises:
        SaveError: the file cannot be written.
    """
    try:
        figure.savefig(path, dpi=dpi, **options)
    except OSError as error:
        raise SaveError(f"cannot write {path}: {error.strerror}; choose another path") from error


def shown(word: str, most: int) -> str:
    """Format a word as a label: at most so many characters, on one line, without mathematics."""
    word = "".join(letter if letter.isprintable() else "�" for letter in word)
    word = word if len(word) <= most else word[: most - 1] + "…"
    return word.replace("$", r"\$")


def picture_bytes(write: Callable[[Path], None], suffix: str = ".png") -> bytes:
    """Return the bytes of the picture that ``write`` writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{suffix}"
        write(path)
        return path.read_bytes()

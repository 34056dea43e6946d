"""Where a picture can be written, asked before the work of which it is to tell."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

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

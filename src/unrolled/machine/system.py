"""Read the small files in which an operating system describes itself, such as those in ``/proc``."""

from __future__ import annotations

from pathlib import Path

LARGEST = 1 << 20  # bytes


def read(path: Path, most: int = LARGEST) -> str:
    """Return the first ``most`` bytes of a file as text; empty if it cannot be read, as on systems without it."""
    try:
        with path.open("rb") as file:
            return file.read(most).decode("ascii", errors="replace")
    except (OSError, ValueError):  # ValueError: a NUL character in the path
        return ""

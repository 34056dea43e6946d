"""Sort paths in natural order: ``frame-2`` before ``frame-10``."""

from __future__ import annotations

import re
from pathlib import Path


def natural(path: Path) -> list[tuple[bool, int, str]]:
    """Return a sort key for natural order: ``frame-2`` before ``frame-10``."""
    parts = re.split(r"(\d+)", str(path))
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]

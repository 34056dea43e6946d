"""What several tests of the command line use."""

from __future__ import annotations

import random
from pathlib import Path

TINY = [
    "--lr",
    "0.003",
    "--hidden-size",
    "16",
    "--num-layers",
    "1",
    "--batch-size",
    "4",
    "--bptt",
    "16",
    "--preview-length",
    "40",
]


def write_text(path: Path) -> Path:
    """About 12,000 characters of sentences that a model can learn something from."""
    draw = random.Random(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "one", "more", "rat"]
    path.write_text("".join(f"{' '.join(draw.choices(words, k=6))}.\n" for _ in range(500)))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` with what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

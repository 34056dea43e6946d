"""``unrolled data`` for the task ``ocr``: a summary of pictures of lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ...data.generated_lines import NAMES
from ...data.line_lists import likely_lines
from ...data.named_data import NamedData
from ...results import Pairs, Report
from ..common.description import ambiguous, counted
from ..common.excerpts import visible
from .config import TextLines

SHOWN = 3  # texts


def named() -> list[NamedData]:
    """Return the named data sets."""
    return [NamedData(name, title) for name, title in NAMES.items()]


def likely(path: Path) -> bool:
    """Return whether ``path`` may be pictures of lines: a folder with pictures and their texts."""
    return likely_lines(path)


def describe(data: TextLines) -> Report:
    """See `Task.describe`."""
    sets = data.read()
    parts = sets.parts()
    counts = Counter(group for lines in parts.values() for group in lines.groups)
    rows = [("data", data.data), *((part, f"{len(lines):,} lines") for part, lines in parts.items())]
    rows += [("groups", counted(counts))] if len(counts) > 1 else []
    rows += [("characters", counted(Counter("".join(sets.train.texts))))]
    rows += [("texts", " | ".join(map(visible, sets.train.texts[:SHOWN])))]
    values: dict[str, Any] = {"name": data.data, **{part: len(lines) for part, lines in parts.items()}}
    return Report(values, (Pairs(rows),), how=tuple(sets.how), notes=tuple(sets.notes), event="lines")


def suspicious(sets: Any) -> list[str]:
    """Return notes on likely mistakes: equal pictures with different texts."""
    pairs = {name: list(zip(part.digests, part.texts, strict=True)) for name, part in sets.parts().items()}
    return ambiguous(pairs, "lines", "text")

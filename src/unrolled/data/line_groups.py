"""Parts and groups of lines by the folders that they are in.

training/a.png, testing/b.png             parts, by the names of labelled_folders.py
Books/1476/GT/a.png, Books/1505/GT/b.png  groups 1476 and 1505: the first folder that differs
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .labelled_folders import PARTS
from .line_sources import ListedLine


def grouped_lines(rows: list[ListedLine], path: Path) -> tuple[list[ListedLine], list[str]]:
    """Give lines their parts and groups, and return those that are in a part, and notes.

    Without folders that differ, the group is the name of the folder or archive ``path``.
    """
    folders = _different([row.name.split("/")[:-1] for row in rows])
    parts = [PARTS.get(names[0].lower(), "") if names else "" for names in folders]
    notes: list[str] = []
    if "train" in parts and len(set(parts) - {""}) > 1:
        outside = sorted({names[0] if names else "." for names, part in zip(folders, parts, strict=True) if not part})
        kept = [number for number, part in enumerate(parts) if part]
        if outside:
            notes.append(
                f"{path}: {len(rows) - len(kept):,} lines outside the folders of the parts skipped "
                f"({', '.join(outside[:5])})"
            )
        rows, folders = [rows[n] for n in kept], _different([folders[n][1:] for n in kept])
        for row, number in zip(rows, kept, strict=True):
            row.part = parts[number]
    title = path.name.removesuffix(".tar") or str(path)
    for row, names in zip(rows, folders, strict=True):
        row.folder = row.group = names[0] if names else title
    return rows, notes


def _different(folders: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return paths of folders without those that all of them begin with."""
    first = folders[0] if folders else ()
    count = min(map(len, folders), default=0)
    common = next((at for at in range(count) if any(names[at] != first[at] for names in folders)), count)
    return [names[common:] for names in folders]

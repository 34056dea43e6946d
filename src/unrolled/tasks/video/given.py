"""Clips given in Python: written as arrays with a table of their labels, which is read like any other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ...checks import plain
from ...data.clip_files import array_clip
from ...errors import ArgumentError, DataError
from ..common.given_data import Row, rows_of


def write_clips(name: str, data: Any, folder: Path) -> Path:
    """Write rows (clip, label) as arrays and a table of their paths; return the table's path.

    A clip is a path or an array ``(T, h, w)``, ``(T, h, w, 1)`` or ``(T, h, w, 3)``. A label is text or a number; or a
    list of them, one for each frame of an array.

    Raises:
        ArgumentError: there are no rows, or a row is not a clip and its label or labels.
    """
    table, target, count, kinds = folder / f"{name}.jsonl", folder / name, 0, set[bool]()
    target.mkdir(exist_ok=True)
    with table.open("w", encoding="ascii", newline="\n") as file:
        for count, row in enumerate(rows_of(name, data, ("clip", "label")), 1):
            where = f"{name}[{count - 1}]"
            path, frames = _written(row.get("clip"), target / f"{count - 1:06}.npy", where)
            for entry in _entries(row.get("label"), frames, f"{where} (label)"):
                file.write(json.dumps({"path": path, **entry}) + "\n")
                kinds.add(len(entry) > 1)
            if len(kinds) > 1:
                raise ArgumentError(
                    f"{where} (label)", "like those before: one of a clip, or one of each frame", row["label"]
                )
    if not count:
        raise ArgumentError(name, "a list with at least one row", data)
    return table


def _written(clip: Any, target: Path, where: str) -> tuple[str, int | None]:
    """Write a clip that is not a file; return its path, relative to the table if it was written, and its length."""
    if isinstance(clip, str | Path):
        return str(Path(clip).expanduser().absolute()), None
    try:
        array = np.asarray(clip)
        if not array_clip(array, where).count:
            raise DataError("no frames")
    except (DataError, ValueError, TypeError) as error:
        raise ArgumentError(f"{where} (clip)", "a path or an array (frames, height, width)", str(error)) from error
    np.save(target, array, allow_pickle=False)
    return f"{target.parent.name}/{target.name}", len(array)


def _entries(label: Any, frames: int | None, where: str) -> Iterator[Row]:
    """Yield what the table says of a clip: its label, or the intervals with the same label."""
    values = label.tolist() if hasattr(label, "tolist") else label
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        yield {"label": _text(values, where)}
        return
    if frames is None:
        raise ArgumentError(where, "one label; labels of frames need an array of frames", label)
    labels = [_text(value, where) for value in values]
    if len(labels) != frames:
        raise ArgumentError(where, f"{frames:,} labels, one for each frame", len(labels))
    at = 0
    for text, part in groupby(labels):
        begin, at = at, at + sum(1 for _ in part)
        yield {"start_frame": begin, "end_frame": at, "label": text}


def _text(value: Any, where: str) -> str:
    value = plain(value)
    if not isinstance(value, str | int) or not str(value).strip():
        raise ArgumentError(where, "text or a number, or a list of them, one for each frame", value)
    return str(value)

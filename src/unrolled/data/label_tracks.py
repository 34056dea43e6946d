"""Files with labels of intervals of a clip.

.csv .tsv     path,start,end,label: intervals of many clips, in seconds; columns start_frame and end_frame: in frames
.json .jsonl  [{"path": …, "start": …, "end": …, "label": …}, …], or {"clip.mp4": [{"start": …, …}, …], …}
.align        of one clip, ``start end word`` on each line, in 1/25,000 s (GRID)
.lab          the same in 100 ns (HTK)
.txt          of one clip: ``start end label`` on each line, in seconds (Audacity), or a label for each frame
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from ..errors import DataError
from .rows import form_by_name, json_rows
from .table_rows import open_rows
from .textfile import TextFile

TimeUnit = Literal["seconds", "frames"]

SCALES = {".align": 25_000, ".lab": 10_000_000}
"""units in a second of the tracks of single clips"""
TABLES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
"""the endings of files with the intervals of many clips"""
MOST_BYTES = 1 << 30  # of a file
LONGEST = 200  # characters of a label
NAMES = {
    "path": ("path", "file", "filename", "file_name", "clip", "video", "video_id", "id", "name"),
    "start": ("start", "begin", "start_time", "t_start", "from", "onset", "start_frame", "begin_frame"),
    "end": ("end", "stop", "end_time", "t_end", "to", "offset", "end_frame", "stop_frame"),
    "label": ("label", "class", "category", "action", "word", "event", "target", "text"),
}
"""usual names of columns and keys; of several, the first one here is used"""
EXAMPLE = '{"path": "a.mp4", "start": 0.5, "end": 1.2, "label": "walk"}'
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")


@dataclass(frozen=True)
class Interval:
    """A labelled interval of a clip: from ``start`` to before ``end``; ``line``: where the file says so."""

    start: Fraction
    end: Fraction
    label: str
    line: int


@dataclass
class Track:
    """The labelled intervals of a clip.

    Attributes:
        file: where they come from.
        unit: of their times.
        intervals: in the order of the file.
        each: whether there is one for each frame.
    """

    file: Path
    unit: TimeUnit
    intervals: list[Interval] = field(default_factory=list)
    each: bool = False


def is_track(path: Path) -> bool:
    """Return whether a file may hold the labels of a single clip, by its name."""
    return path.suffix.lower() in (*SCALES, ".txt")


def read_track(path: Path) -> Track:
    """Read the labels of a single clip.

    Raises:
        DataError: the file cannot be read, or a line is invalid.
    """
    lines = [(number, line.strip()) for number, line in enumerate(_text(path).split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line]
    if not lines:
        raise DataError(f"{path} has no labels; remove it, or write them")
    rows = [(number, line.split(None, 2)) for number, line in lines]
    timed = path.suffix.lower() in SCALES or all(
        len(cells) == 3 and _NUMBER.fullmatch(cells[0]) and _NUMBER.fullmatch(cells[1]) for _, cells in rows
    )
    if not timed:
        each = [Interval(Fraction(n), Fraction(n + 1), line, number) for n, (number, line) in enumerate(lines)]
        return Track(path, "frames", [_checked(path, interval) for interval in each], each=True)
    scale = SCALES.get(path.suffix.lower(), 1)
    track = Track(path, "seconds")
    for number, cells in rows:
        if len(cells) < 3:
            raise DataError(f"{path}, line {number} must be 'start end label', got {' '.join(cells)!r}")
        start, end = (_time(path, number, cell) / scale for cell in cells[:2])
        track.intervals.append(_checked(path, Interval(start, end, cells[2], number)))
    return track


def read_tracks(path: Path, unit: TimeUnit | None = None) -> dict[str, Track]:
    """Read the labels of many clips: name of a clip → its track.

    Args:
        path: a table or a JSON file.
        unit: of its times (default: frames if a column is called so, else seconds).

    Raises:
        DataError: the file cannot be read, or a row is invalid.
    """
    tracks: dict[str, Track] = {}
    for number, row in _rows(path):
        name, start, end, label = (_cell(path, number, row, role) for role in NAMES)
        in_frames = any(key in row for key in ("start_frame", "begin_frame"))
        track = tracks.setdefault(str(name), Track(path, unit or ("frames" if in_frames else "seconds")))
        interval = Interval(_time(path, number, start), _time(path, number, end), str(label).strip(), number)
        track.intervals.append(_checked(path, interval))
    if not tracks:
        raise DataError(f"{path} has no labelled intervals; give rows such as {EXAMPLE}")
    return tracks


def has_intervals(path: Path) -> bool:
    """Return whether a table or JSON file has intervals, and not one label for each clip.

    Raises:
        DataError: the file cannot be read.
    """
    return any(_named(row, "start") for _, row in _rows(path))


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a file as objects, with their line (or, of a JSON object, their number)."""
    form = form_by_name(path, "csv")
    if form == "jsonl":
        text = _text(path)
        whole = _object(text)
        yield from json_rows(TextFile(path, "auto"), EXAMPLE) if whole is None else _by_clip(path, whole)
        return
    table = open_rows(TextFile(path, "auto"), form, "auto", None)
    if table is None:
        return
    names = [name.strip().lower() for name in table.first]
    for number, row in table.body(True):
        yield number, dict(zip(names, row, strict=False))


def _object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text is; `None` for an array, or an object on each line."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, dict) and not _named(whole, "path") else None


def _by_clip(path: Path, whole: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of an object of clips, such as ActivityNet's, with their number."""
    inner = whole.get("database", whole)
    clips: Iterable[tuple[str, Any]] = inner.items() if isinstance(inner, dict) else ()
    number = 0
    for name, found in clips:
        rows = found.get("annotations") if isinstance(found, dict) else found
        if not isinstance(rows, list):
            raise DataError(f"{path}: {name!r} must have a list of intervals such as {EXAMPLE}")
        for row in rows:
            number += 1
            if not isinstance(row, dict):
                raise DataError(f"{path}: an interval of {name!r} must be an object such as {EXAMPLE}")
            segment = row.get("segment")
            times = dict(zip(("start", "end"), segment, strict=False)) if isinstance(segment, list) else {}
            yield number, {**row, "path": name, **times}


def _named(row: Mapping[str, Any], role: str) -> str | None:
    """Return the key of a row for a role; `None` if it has none."""
    return next((name for name in NAMES[role] if name in row), None)


def _cell(path: Path, number: int, row: Mapping[str, Any], role: str) -> Any:
    key = _named(row, role)
    if key is None:
        raise DataError(
            f"{path}, line {number} has no {role}; its columns are {', '.join(map(str, row))}; give path, start, end "
            "and label"
        )
    if isinstance(row[key], dict | list) or row[key] in (None, ""):
        raise DataError(f"{path}, line {number} has no {role}; write it in the column {key}, or remove the row")
    return row[key]


def _time(path: Path, number: int, value: Any) -> Fraction:
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        raise DataError(f"{path}, line {number} has the time {text[:40]!r}; write a number of seconds or frames")
    return Fraction(text)


def _checked(path: Path, interval: Interval) -> Interval:
    """Return an interval; raise `DataError` if it is empty, begins before the clip or has no proper label."""
    if not 0 <= interval.start < interval.end:
        raise DataError(
            f"{path}, line {interval.line} is from {float(interval.start):g} to {float(interval.end):g}; the start "
            "must be at least 0, and the end after it"
        )
    if not interval.label or len(interval.label) > LONGEST:
        raise DataError(f"{path}, line {interval.line} must have a label of 1 to {LONGEST} characters")
    return interval


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} has more than {MOST_BYTES >> 20:,} MiB, the limit of a file of labels; split it")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; give a file of labels") from error
    return "".join(TextFile(path, "auto", line_ends="unify").read())

"""Print reports on a terminal or in a log, and save their files."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UnrolledError
from ...results import Animation, Drawing, Pairs, Part, Picture, Records, Report, Table
from .look import fitted, printable
from .reporters import emit
from .results_folder import Folder, save
from .tables import show_pairs, show_table


def show_report(
    report: Report,
    folder: Folder | None,
    *,
    as_json: bool,
    beside: Path | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Print a report, and save its files.

    Args:
        report: the report.
        folder: the folder of ``--out``, if given.
        as_json: print the values, if any, as one JSON object instead.
        beside: the folder for pictures without ``--out``, such as the run's; `None`: do not save them.
        extra: further values for the JSON object, such as the run.
    """
    show_how(report.how, as_json=as_json)
    for note in report.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    if as_json and report.values:
        emit(report.event, **{**(extra or {}), **report.values})
    shown = 0
    for part in report.parts:
        if save_picture(part):
            continue
        paths = save_part(part, folder, beside=None if as_json else beside)
        if as_json or (is_drawn(part) and not paths):
            continue
        if shown:
            print()
        show_part(part, paths)
        shown += 1
    if folder is not None and report.values:
        folder.save("report.json", folder.json({**(extra or {}), **report.values}))


def show_how(how: Iterable[str], *, as_json: bool) -> None:
    """Print how files were read, and their first examples; with JSON output on standard error."""
    stream = sys.stderr if as_json else sys.stdout
    lines = list(how)
    for line in lines:
        print(fitted(printable(line), 100) if line.startswith("read: ") else printable(line), file=stream)
    if lines and not as_json:
        print()


@contextlib.contextmanager
def show_how_on_error(*, as_json: bool) -> Iterator[None]:
    """For an error raised within, print its notes on how files were read: they may show the cause."""
    try:
        yield
    except UnrolledError as error:
        show_how(getattr(error, "__notes__", ()), as_json=as_json)
        raise


def save_picture(part: Part) -> bool:
    """Save a part that has a path, and print the path on standard error; return whether that is all of it: a picture.

    Records are also shown.
    """
    if not (isinstance(part, Picture | Records) and part.path is not None):
        return False
    flag = "--picture" if isinstance(part, Picture) else "--errors-out"
    path = save(part.path, part.content(part.path.suffix), flag)
    print(f"{part.kind if isinstance(part, Picture) else part.name}: {printable(str(path))}", file=sys.stderr)
    return isinstance(part, Picture)


def show_part(part: Part, paths: Iterable[Path] = ()) -> None:
    """Print a part; for a picture, drawing or animation, the ``paths`` of its files."""
    match part:
        case Table():
            show_table(part.header, part.rows, right=part.right)
        case Pairs():
            show_pairs(part.rows)
        case Records():
            print(printable(part.heading), flush=True)
            if part.rows:
                show_table(part.table.header, part.table.rows, right=part.table.right)
        case Picture() | Drawing() | Animation():
            for path in paths:
                print(printable(f"{part.title or part.kind}: {path}"), flush=True)
        case _:
            print(printable(part.plain()), flush=True)


def is_drawn(part: Part) -> bool:
    """Return whether a part can only be shown as a file."""
    return isinstance(part, Picture | Drawing | Animation)


def save_part(part: Part, folder: Folder | None, prefix: str = "", beside: Path | None = None) -> list[Path]:
    """Save a part's files in the folder of ``--out``, or a picture, drawing or animation in the folder ``beside``;
    return their paths."""
    if folder is None and beside is not None and is_drawn(part) and beside.is_dir():
        folder = Folder(beside)
    return [] if folder is None else folder.save_parts([part], prefix)


def note_folder(folder: Folder | None) -> None:
    """Print where the results are, on standard error."""
    if folder is not None:
        print(f"results: {printable(str(folder.path))}", file=sys.stderr)


def note_unsaved(count: int) -> None:
    """Print a note on ``count`` pictures that were not saved."""
    if count:
        subject = "1 picture was" if count == 1 else f"{count:,} pictures were"
        print(f"note: {subject} not saved; --out FOLDER saves pictures", file=sys.stderr)

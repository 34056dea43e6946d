"""Reports on a terminal or in a log: their parts in order, and where their pictures went."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UnrolledError
from ...results import Drawing, Pairs, Part, Picture, Report, Table
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
    """Print a report, and keep its files.

    Args:
        report: it.
        folder: of ``--out``, if that was given.
        as_json: print its values, if it has any, as one JSON object instead.
        beside: where pictures go without ``--out``, such as the run's folder; `None`: nowhere.
        extra: what the JSON object begins with, such as the run.
    """
    show_how(report.how, as_json=as_json)
    for note in report.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    if as_json and report.values:
        emit(report.event, **(extra or {}), **report.values)
    shown = 0
    for part in report.parts:
        if saved(part):
            continue
        paths = kept(part, folder, beside=None if as_json else beside)
        if as_json or (is_drawn(part) and not paths):
            continue
        if shown:
            print()
        show_part(part, paths)
        shown += 1
    if folder is not None and report.values:
        folder.keep("report.json", folder.json({**(extra or {}), **report.values}))


def show_how(how: Iterable[str], *, as_json: bool) -> None:
    """How files were read, and their first examples; beside JSON on standard error."""
    stream = sys.stderr if as_json else sys.stdout
    lines = list(how)
    for line in lines:
        print(fitted(printable(line), 100) if line.startswith("read: ") else printable(line), file=stream)
    if lines and not as_json:
        print()


@contextlib.contextmanager
def telling_how(*, as_json: bool) -> Iterator[None]:
    """How files were read is shown also of an error within it, whose notes say so: its cause may be seen there."""
    try:
        yield
    except UnrolledError as error:
        show_how(getattr(error, "__notes__", ()), as_json=as_json)
        raise


def saved(part: Part) -> bool:
    """Whether a part is a picture that has a path: it is written there, which is told on standard error."""
    if not (isinstance(part, Picture) and part.path is not None):
        return False
    print(f"picture: {printable(str(save(part.path, part.png, '--picture')))}", file=sys.stderr)
    return True


def show_part(part: Part, paths: Iterable[Path] = ()) -> None:
    """Print a part; of a picture or drawing the ``paths`` where it is kept."""
    match part:
        case Table():
            show_table(part.header, part.rows, right=part.right)
        case Pairs():
            show_pairs(part.rows)
        case Picture() | Drawing():
            for path in paths:
                print(printable(f"{part.title or part.kind}: {path}"), flush=True)
        case _:
            print(printable(part.plain()), flush=True)


def is_drawn(part: Part) -> bool:
    """Whether only a file can show it."""
    return isinstance(part, Picture | Drawing)


def kept(part: Part, folder: Folder | None, prefix: str = "", beside: Path | None = None) -> list[Path]:
    """Keep a part's files in the folder of ``--out``; a picture or drawing without one in the folder ``beside``, if
    there is one. Where they are."""
    if folder is None and beside is not None and is_drawn(part) and beside.is_dir():
        folder = Folder(beside)
    return [] if folder is None else folder.keep_all([part], prefix)


def note_unkept(count: int) -> None:
    """Say how pictures and drawings, which a terminal cannot show, can be had as files."""
    if count:
        what = "1 picture was" if count == 1 else f"{count:,} pictures were"
        print(f"note: {what} not kept; --out FOLDER keeps pictures", file=sys.stderr)

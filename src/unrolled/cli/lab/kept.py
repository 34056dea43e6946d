"""What every experiment leaves behind: a picture, its numbers as CSV, and the command that makes both again."""

from __future__ import annotations

import csv
import importlib.util
import io
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ...errors import ArgumentError, SaveError
from ...training.files import write_atomically


class Kept:
    """A folder for one experiment's files; those of an earlier try with the same names are replaced.

    Args:
        experiment: as on the command line, ``error-surface``.
        argv: the words after it.
        folder: where; `None` is ``lab/EXPERIMENT``.

    Raises:
        ArgumentError: the folder cannot be made, or is something else.
    """

    def __init__(self, experiment: str, argv: Sequence[str], folder: str | None) -> None:
        self.name = experiment
        self.command = shlex.join(["unrolled", "lab", experiment, *argv])
        self.folder = Path(folder) if folder is not None else Path("lab") / experiment
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError("out", f"a folder that can be made ({error.strerror})", str(self.folder)) from error
        self.told: list[tuple[str, str]] = []

    def picture(self, draw: Callable[[Path], None], suffix: str = "png") -> None:
        """Have ``draw`` write the picture, if there is matplotlib to draw with (an SVG of ours needs none)."""
        if suffix != "svg" and importlib.util.find_spec("matplotlib") is None:
            self.told.append(("picture", "none without matplotlib: pip install 'unrolled[plot]'"))
            return
        path = self.folder / f"{self.name}.{suffix}"
        try:
            draw(path)
        except OSError as error:
            raise SaveError(f"cannot write {path}: {error.strerror}; choose another place with --out") from error
        self.told.append(("picture", str(path)))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write the numbers, and beside them the command."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        path = self.folder / f"{self.name}.csv"
        write_atomically(path, text.getvalue().encode())
        write_atomically(self.folder / "command.txt", f"{self.command}\n".encode())
        self.told += [("numbers", str(path)), ("again", self.command)]

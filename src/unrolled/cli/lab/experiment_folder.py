"""The output of an experiment: a picture, its numbers as CSV, and the command that reproduces both."""

from __future__ import annotations

import csv
import importlib.util
import io
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ...errors import ArgumentError, SaveError
from ...training.files import write_atomically


class ExperimentFolder:
    """A folder for an experiment's files; earlier files of the same names are overwritten.

    Args:
        experiment: the name on the command line, such as ``error-surface``.
        argv: the arguments after it.
        folder: the path; `None`: ``lab/EXPERIMENT``.

    Attributes:
        summary: (label, value) pairs on the files, to print.

    Raises:
        ArgumentError: the folder cannot be created.
    """

    def __init__(self, experiment: str, argv: Sequence[str], folder: str | None) -> None:
        self.name = experiment
        self.command = shlex.join(["unrolled", "lab", experiment, *argv])
        self.folder = Path(folder) if folder is not None else Path("lab") / experiment
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError("out", f"a folder that can be created ({error.strerror})", str(self.folder)) from error
        self.summary: list[tuple[str, str]] = []

    def picture(self, draw: Callable[[Path], None], suffix: str = "png", path: Path | None = None) -> None:
        """Write the picture with ``draw(path)``, if matplotlib is installed; our own SVG does not need it.

        Args:
            draw: writes a picture to a path.
            suffix: of the picture in this folder.
            path: a path of the user's choice instead.
        """
        if suffix != "svg" and importlib.util.find_spec("matplotlib") is None:
            self.summary.append(("picture", "none without matplotlib: pip install 'unrolled[plot]'"))
            return
        path = path or self.folder / f"{self.name}.{suffix}"
        try:
            draw(path)
        except OSError as error:
            raise SaveError(f"cannot write {path}: {error.strerror}; choose another place with --out") from error
        self.summary.append(("picture", str(path)))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write the numbers as CSV, and the command."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        path = self.folder / f"{self.name}.csv"
        write_atomically(path, text.getvalue().encode())
        write_atomically(self.folder / "command.txt", f"{self.command}\n".encode())
        self.summary += [("numbers", str(path)), ("again", self.command)]

"""A line of progress for training from Python, in a terminal or a notebook; elsewhere training is silent."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TextIO

from ..results.duration import clock
from .log import Progress, Reporter, Silent, Summary
from .metrics import LOSS, loss_unit


class Place(Protocol):
    """An output whose single line is replaced by the next one."""

    def show(self, text: str) -> None:
        """Replace the line by ``text``."""

    def close(self) -> None:
        """Keep the line, and end it."""


class Terminal:
    """The bottom line of a terminal, rewritten with carriage returns."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.width = stream, 0

    def show(self, text: str) -> None:
        text = text[: max(20, shutil.get_terminal_size().columns - 1)]
        self._write(f"\r{text:<{self.width}}")
        self.width = len(text)

    def close(self) -> None:
        if self.width:
            self._write("\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a closed terminal does not end the training
            self.stream.write(text)
            self.stream.flush()


class Notebook:
    """An output area of a notebook cell, updated through IPython."""

    def __init__(self) -> None:
        self.display: Any = importlib.import_module("IPython.display").display
        self.handle: Any = None

    def show(self, text: str) -> None:
        shown = {"text/plain": text}
        if self.handle is None:
            self.handle = self.display(shown, raw=True, display_id=True)
        else:
            self.handle.update(shown, raw=True)

    def close(self) -> None: ...


class ProgressLine(Silent):
    """A reporter that updates one line.

    Args:
        place: the output for the line.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.task, self.unit, self.loss_unit, self.scored = "", "", LOSS.label, ""

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None:
        self.task, self.unit, self.loss_unit = task, unit, loss_unit(config)
        self._show(f"training {task}", f"in {folder}")

    def progress(self, progress: Progress) -> None:
        rate = f"{progress.rate:,.0f} {self.unit}/s" if progress.rate else ""
        left = f"{clock(progress.seconds_left)} left" if math.isfinite(progress.seconds_left) else ""
        step = f"{self.task}  step {progress.step:,}/{progress.steps:,}"
        self._show(step, f"loss {progress.loss:.3f} {self.loss_unit}", left, rate, self.scored)

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        self.scored = f"validation {metrics['loss']:.3f}"

    def end(self, summary: Summary) -> None:
        if summary.stopped == "fitted":
            done = f"{summary.task}  fitted in {clock(summary.seconds)}"
        else:
            why = "" if summary.stopped == "finished" else f" ({summary.stopped})"
            done = f"{summary.task}  {summary.steps:,} steps in {clock(summary.seconds)}{why}"
        scores = ((name, part.get("loss")) for name, part in (("validation", summary.best), ("test", summary.test)))
        losses = (f"{name} {loss:.3f} {self.loss_unit}" for name, loss in scores if loss is not None)
        self._show(done, *losses, str(summary.folder))

    def _show(self, *parts: str) -> None:
        text = "  ".join(filter(None, parts))
        self.place.show("".join(c if c.isprintable() else "\ufffd" for c in text))


@contextlib.contextmanager
def reporting(reporter: Reporter | None) -> Iterator[Reporter]:
    """Yield ``reporter`` if given, else a `ProgressLine` in a terminal or notebook, else a silent reporter."""
    place = _place() if reporter is None else None
    try:
        yield reporter or (Silent() if place is None else ProgressLine(place))
    finally:
        if place is not None:
            place.close()


def _place() -> Place | None:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)  # loaded in every notebook
    if shell is not None and hasattr(shell(), "kernel"):
        return Notebook()
    stream: Any = sys.stderr  # None under pythonw
    live = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    return Terminal(stream) if live else None

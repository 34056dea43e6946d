"""What the loop tells the world, and the file it keeps of it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..results import Table, markup
from ..results.duration import clock
from ..results.markup import Shown
from .files import save_error


class Excerpt(str):
    """A note that shows a piece of text: who prints it cuts it to the width there is."""


@dataclass(frozen=True)
class Progress:
    """One moment of a training."""

    step: int
    steps: int
    epoch: float
    loss: float
    """mean loss in nats since the last report"""
    lr: float
    grad_norm: float
    rate: float
    """units per second"""
    seconds_left: float


@dataclass(frozen=True)
class Summary(Shown):
    """How a training ended."""

    folder: Path
    task: str
    steps: int
    seconds: float
    stopped: str
    """why: "finished", "interrupted", "no better for N evaluations", "reached" what ``until`` asked for, or "fitted" if
    it was made in one go"""
    best: dict[str, float]
    """validation metrics of the model that was kept"""
    test: dict[str, float] = field(default_factory=dict)
    """metrics on the test split, scored once"""

    @property
    def scores(self) -> Table:
        """The metrics, a row for each."""
        names = dict.fromkeys(name for name in (*self.best, *self.test) if name != "step")
        header = ("", "validation", "test") if self.test else ("", "validation")
        parts = (self.best, self.test)[: len(header) - 1]
        rows = [(name, *(f"{part[name]:.4f}" if name in part else "" for part in parts)) for name in names]
        return Table("scores", header, rows, right=header[1:])

    def plain(self) -> str:
        """As text."""
        return f"{self._done}\n{self.scores.plain()}"

    def _repr_html_(self) -> str:
        return f"<div>{markup.dim([self._done])}{markup.part(self.scores)}</div>"

    @property
    def _done(self) -> str:
        steps = "" if self.stopped == "fitted" else f"{self.steps:,} steps, "
        return f"{self.task}: {steps}{self.stopped} in {clock(self.seconds)}, {self.folder}"


class Rate:
    """Units per second since it was made, the first step left out."""

    def __init__(self) -> None:
        self.begin: float | None = None
        self.now = 0.0
        self.units, self.steps = 0.0, 0

    def add(self, now: float, units: float) -> None:
        if self.begin is None:
            self.begin = now
            return
        self.now, self.units, self.steps = now, self.units + units, self.steps + 1

    @property
    def per_second(self) -> float:
        return self.units / (self.now - self.begin) if self.steps and self.begin is not None else 0.0

    @property
    def units_per_step(self) -> float:
        return self.units / self.steps if self.steps else 0.0


@runtime_checkable
class Reporter(Protocol):
    """Whoever wants to know how a training goes: a console, a web page, a test."""

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None:
        """Training begins (or goes on)."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def progress(self, progress: Progress) -> None:
        """Several times a second at most."""

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        """The validation split was scored."""

    def preview(self, step: int, text: str) -> None:
        """What the model does now, as text; its first line is the path of a preview's picture, if there is one."""

    def end(self, summary: Summary) -> None:
        """Training is over."""


class Silent:
    """A reporter that keeps quiet."""

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None: ...
    def note(self, text: str) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None: ...
    def preview(self, step: int, text: str) -> None: ...
    def end(self, summary: Summary) -> None: ...


class MetricsFile:
    """metrics.jsonl: one JSON object per line; `offset` is where the next one goes."""

    def __init__(self, path: Path, offset: int = 0, tensorboard: bool = False) -> None:
        """Open for writing; whatever stands past ``offset`` (a killed run's last lines) is cut off."""
        self.path, self.offset = path, offset
        self.board = _tensorboard(path.parent) if tensorboard else None
        try:
            path.touch()
            self.cut_short = path.stat().st_size < offset
            if self.cut_short:  # lost in a power cut: keep the whole lines that are left
                self.offset = path.read_bytes().rfind(b"\n") + 1
            os.truncate(path, self.offset)
        except OSError as error:
            raise save_error(path, error) from error

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Append one line.

        Raises:
            SaveError: it could not be written.
        """
        line = (json.dumps({"step": step, **values}) + "\n").encode()
        try:
            with self.path.open("ab") as file:
                file.write(line)
        except OSError as error:
            raise save_error(self.path, error) from error
        self.offset += len(line)
        if self.board is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self.board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what TensorBoard still holds back."""
        if self.board is not None:
            self.board.close()


def _tensorboard(folder: Path) -> Any:
    from ..errors import ArgumentError

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ArgumentError(
            "tensorboard", "off unless it is installed", True, "pip install 'unrolled[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder / "tensorboard"))

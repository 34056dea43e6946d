"""Progress reports of the training loop, and the metrics file."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ..results import Table, markup
from ..results.duration import clock
from ..results.markup import Shown
from .files import save_error


class Excerpt(str):
    """A note that quotes text; the reporter truncates it to the available width."""


@dataclass(frozen=True)
class Progress:
    """A progress report during training."""

    step: int
    steps: int
    epoch: float
    loss: float
    """mean loss in nats since the last logged step"""
    lr: float
    grad_norm: float
    rate: float
    """units (see `Task.unit`) per second"""
    seconds_left: float


class Offer(NamedTuple):
    """A simpler model, if the trained one is not clearly better than it on the validation set.

    reason   the scores of both
    command  the command that trains it, without ``unrolled``
    """

    reason: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Summary(Shown):
    """The result of a training run."""

    folder: Path
    task: str
    steps: int
    seconds: float
    stopped: str
    """the reason: "finished", "interrupted", "no better for N evaluations", "reached …" (the value of ``until``), or
    "fitted" for a model without a training loop"""
    best: dict[str, float]
    """validation metrics of the saved model"""
    test: dict[str, float] = field(default_factory=dict)
    """metrics of the saved model on the test split"""
    planned: int = 0
    """the number of steps that were planned; 0 for a model without a training loop"""
    advice: str = ""
    """what the learning curve says; empty if it is too short to tell"""
    longer: bool = True
    """whether to train longer"""
    offer: Offer | None = None
    """a simpler model, if the trained one is not clearly better on the validation set"""
    example: str = ""
    """an input, for trying the model; empty if the task has none"""

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
        return "\n".join([self._done, self.scores.plain(), *self._remarks])

    def _repr_html_(self) -> str:
        return f"<div>{markup.dim([self._done])}{markup.part(self.scores)}{markup.dim(self._remarks)}</div>"

    @property
    def _remarks(self) -> list[str]:
        better = "" if self.offer is None else f"{self.offer.reason}: unrolled {shlex.join(self.offer.command)}"
        return [text for text in (self.advice, better) if text]

    @property
    def _done(self) -> str:
        steps = "" if self.stopped == "fitted" else f"{self.steps:,} steps, "
        return f"{self.task}: {steps}{self.stopped} in {clock(self.seconds)}, {self.folder}"


class Rate:
    """Units per second, measured from the end of the first step."""

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
    """Receives progress reports of training: a console, a web page, a test."""

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None:
        """Training starts or resumes."""

    def note(self, text: str) -> None:
        """A one-line note for the user."""

    def progress(self, progress: Progress) -> None:
        """Called at most a few times per second."""

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        """The validation split was evaluated; ``best``: this is the best model so far."""

    def preview(self, step: int, text: str) -> None:
        """Example output of the current model, as text, with paths in place of pictures."""

    def end(self, summary: Summary) -> None:
        """Training ended."""


class Silent:
    """A reporter that ignores all reports."""

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None: ...
    def note(self, text: str) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None: ...
    def preview(self, step: int, text: str) -> None: ...
    def end(self, summary: Summary) -> None: ...


class MetricsFile:
    """metrics.jsonl: one JSON object per line; `offset` is the position of the next line in bytes."""

    def __init__(self, path: Path, offset: int = 0, tensorboard: bool = False) -> None:
        """Open for writing; truncate the file to ``offset``, dropping lines written after the last checkpoint."""
        self.path, self.offset = path, offset
        self.board = _tensorboard(path.parent) if tensorboard else None
        try:
            path.touch()
            self.cut_short = path.stat().st_size < offset
            if self.cut_short:  # data lost in a power cut: keep the complete lines
                self.offset = path.read_bytes().rfind(b"\n") + 1
            os.truncate(path, self.offset)
        except OSError as error:
            raise save_error(path, error) from error

    def write(self, step: int, values: dict[str, Any]) -> None:
        """Append one line.

        Raises:
            SaveError: the file cannot be written.
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
        """Flush and close the TensorBoard writer."""
        if self.board is not None:
            self.board.close()


def _tensorboard(folder: Path) -> Any:
    from ..errors import ArgumentError

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ArgumentError(
            "tensorboard", "off where TensorBoard is not installed", True, "pip install 'unrolled[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder / "tensorboard"))

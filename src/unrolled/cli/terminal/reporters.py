"""Training reporters: plain lines for a log, JSON for a program; the one for a terminal is in console.py."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ...tasks.registry import task_class
from ...training.config import flatten
from ...training.log import Excerpt, Progress, Summary
from ...training.metrics import line as scores
from ...training.metrics import loss_unit
from .. import INTERRUPTED
from .look import bits, clock, command, console, fitted, is_live, printable
from .results_folder import finite
from .summary import summary_lines

EVERY = 10.0  # seconds between progress lines


class CommandReporter(Protocol):
    """A `Reporter` of the command line: it knows the run's folder, and can be closed."""

    folder: Path | None

    def wait(self) -> None:
        """Show that training is being prepared."""

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None: ...
    def note(self, text: str) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None: ...
    def preview(self, step: int, text: str) -> None: ...
    def end(self, summary: Summary) -> None: ...
    def close(self) -> None:
        """Restore the terminal, however training ended."""


def choose(as_json: bool) -> CommandReporter:
    """Return the reporter for standard output: JSON, a log or a terminal."""
    if as_json:
        return Json()
    stream = console()
    if not is_live(stream):
        return Plain()
    from .console import Live

    return Live(stream)


def follow(reporter: CommandReporter, training: Callable[[], Summary]) -> int:
    """Run training and return the exit status."""
    reporter.wait()
    try:
        summary = training()
    except KeyboardInterrupt:
        if reporter.folder is None or not (reporter.folder / "config.toml").exists():
            raise  # there is no run to resume
        reporter.close()
        print(f"stopped at once; resume with: {command('resume', reporter.folder)}", file=sys.stderr)
        return INTERRUPTED
    finally:
        reporter.close()
    return INTERRUPTED if summary.stopped == "interrupted" else 0


class Plain:
    """Plain lines, at most one progress line in 10 seconds."""

    def __init__(self) -> None:
        self.printed = time.monotonic()
        self.folder: Path | None = None
        self.config: Any = None
        self.unit, self.task = "", ""

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None:
        self.folder, self.config, self.unit, self.task = folder, config, unit, task
        self.metrics = task_class(task)(config).metrics
        _print(f"training {task} in {folder}")
        for text in notes:
            self.note(text)

    def note(self, text: str) -> None:
        _print(fitted(text) if isinstance(text, Excerpt) else text)

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self.printed < EVERY and progress.step < progress.steps:
            return
        self.printed = now
        in_bits = bits(self.config, progress.loss)
        parts = [
            f"step {progress.step:,}/{progress.steps:,}",
            f"loss {progress.loss:.3f} {loss_unit(self.config)}",
            *([] if in_bits is None else [f"{in_bits:.3f} bits per character"]),
        ]
        if progress.rate:  # known from the second step on
            parts += [f"{progress.rate:,.0f} {self.unit}/s", f"{clock(progress.seconds_left)} left"]
        _print(", ".join(parts))

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        values = scores(metrics, self.metrics, ", ")
        _print(f"step {step:,}: validation {values}{' (best so far)' if best else ''}")

    def preview(self, step: int, text: str) -> None:
        _print(f"--- {f'step {step:,}' if step else 'before training'} ---")
        for line in printable(text).splitlines()[: task_class(self.task).preview_lines]:
            _print(line)
        _print("---")

    def end(self, summary: Summary) -> None:
        for label, text in summary_lines(summary, self.metrics, self.config):
            _print(f"{label}: {text}")

    def wait(self) -> None:
        pass

    def close(self) -> None:
        pass


class Json:
    """One JSON object per line."""

    folder: Path | None = None

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None:
        self.folder = folder
        emit("start", run=str(folder), task=task, unit=unit, config=flatten(config), notes=notes)

    def note(self, text: str) -> None:
        emit("note", text=text)

    def progress(self, progress: Progress) -> None:
        emit("progress", **dataclasses.asdict(progress))

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        emit("evaluated", step=step, split="valid", best=best, **metrics)

    def preview(self, step: int, text: str) -> None:
        emit("preview", step=step, text=text)

    def end(self, summary: Summary) -> None:
        values = {field.name: getattr(summary, field.name) for field in dataclasses.fields(summary)}
        emit("end", **{**values, "folder": str(summary.folder)})

    def wait(self) -> None:
        pass

    def close(self) -> None:
        pass


def emit(event: str, **values: Any) -> None:
    """Print one JSON object; nan and infinity become null."""
    print(json.dumps({"event": event, **finite(values)}), flush=True)


def _print(text: str) -> None:
    print(printable(text), flush=True)

"""Training progress on a terminal: a live line at the bottom, evaluations and samples above it."""

from __future__ import annotations

import contextlib
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.live import Live as LiveLine
from rich.panel import Panel
from rich.text import Text

from ...tasks.registry import task_class
from ...training.log import Excerpt, Progress, Summary
from ...training.metrics import line as scores
from ...training.metrics import loss_unit
from .look import bits, clock, console, fitted, printable
from .summary import summary_lines
from .tables import show_pairs

BAR = 20  # characters


class Live:
    """The training reporter for a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.line = LiveLine(console=console, auto_refresh=False, transient=True)
        self.folder: Path | None = None
        self.config: Any = None
        self.unit, self.task = "", ""
        self.status = console.status(Text("reading the data, measuring the rate…", style="dim"), spinner="dots")
        self.scored: tuple[int, float] | None = None  # step and loss of the last evaluation

    def wait(self) -> None:
        self.status.start()

    @contextlib.contextmanager
    def working(self, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        """Show the progress of work before training."""
        self.status.stop()
        with counting(total, unit) as done:
            yield done
        self.status.start()

    def start(self, folder: Path, task: str, unit: str, config: Any, notes: list[str]) -> None:
        self.status.stop()
        self.folder, self.config, self.unit, self.task = folder, config, unit, task
        self.metrics = task_class(task)(config).metrics
        self.console.print(Text.assemble(("unrolled", "bold"), f" trains {task} in ", (str(folder), "bold")))
        for text in notes:
            self.note(text)
        self.console.print(Text("Ctrl-C stops training and saves the model", style="dim"))

    def note(self, text: str) -> None:
        text = fitted(text, self.console.width) if isinstance(text, Excerpt) else text
        self.console.print(Text(printable(text), style="dim"))

    def progress(self, progress: Progress) -> None:
        if not self.line.is_started:
            self.line.start()
        self.line.update(progress_line(progress, self.config, self.unit, self.console.width), refresh=True)
        if progress.step == progress.steps:
            self.line.stop()

    def evaluated(self, step: int, metrics: dict[str, float], best: bool) -> None:
        self.scored = step, metrics["loss"]
        mark = Text("  ★ best", style="green") if best else Text("")
        self.console.print(
            Text.assemble((f"step {step:,}", "bold"), f"  validation {scores(metrics, self.metrics)}", mark)
        )

    def preview(self, step: int, text: str) -> None:
        if text.strip():
            loss = f" · loss {self.scored[1]:.2f}" if self.scored and self.scored[0] == step else ""
            title = f"step {step:,}{loss}" if step else "before training"
            self.console.print(preview_panel(text, title, self.console.width, task_class(self.task).preview_lines))

    def end(self, summary: Summary) -> None:
        self.line.stop()
        self.console.print()
        show_pairs(summary_lines(summary, self.metrics, self.config))

    def close(self) -> None:
        self.status.stop()
        self.line.stop()


def progress_line(progress: Progress, config: Any, unit: str, width: int) -> Text:
    """Return step, bar, loss, bits, rate and time left; parts of the highest rank are dropped until the line fits."""
    share = progress.step / progress.steps
    filled = round(share * BAR)
    in_bits = bits(config, progress.loss)
    parts = [  # (rank: the highest is dropped first, text)
        (0, Text.assemble(("step ", "dim"), f"{progress.step:,}/{progress.steps:,}")),
        (3, Text.assemble(("━" * filled, "cyan"), ("━" * (BAR - filled), "bright_black"))),
        (0, Text.assemble(f"{progress.loss:.3f}", (f" {loss_unit(config)}", "dim"))),
        (4, Text("") if in_bits is None else Text.assemble(f"{in_bits:.3f}", (" bits", "dim"))),
        (2, Text.assemble(f"{progress.rate:,.0f}", (f" {unit}/s", "dim")) if progress.rate else Text("")),
        (1, Text.assemble(clock(progress.seconds_left), (" left", "dim"))),
    ]
    parts = [part for part in parts if part[1].plain]
    while any(rank for rank, _ in parts) and sum(len(text) + 2 for _, text in parts) > width:
        parts.remove(max(parts, key=lambda part: part[0]))
    line = Text("  ").join(text for _, text in parts)
    line.no_wrap, line.overflow = True, "crop"
    return line


def preview_panel(text: str, title: str, width: int, most: int) -> Panel:
    """Return at most ``most`` lines of a sample in a frame."""
    inner = max(20, min(width, 100) - 4)
    lines: list[str] = []
    for line in printable(text).expandtabs(4).split("\n"):
        lines += textwrap.wrap(
            line, inner, drop_whitespace=False, replace_whitespace=False, break_on_hyphens=False
        ) or [""]
    body = Text("\n".join(lines[:most]).rstrip(), overflow="fold")
    return Panel(
        body,
        title=Text(title, style="dim"),
        title_align="left",
        border_style="bright_black",
        box=box.ROUNDED,
        width=inner + 4,
    )


class Counter:
    """A live progress line for work of known size; not shown in the first second."""

    def __init__(self, console: Console, total: int, unit: str) -> None:
        self.console, self.total, self.unit = console, total, unit
        self.line = LiveLine(console=console, auto_refresh=False, transient=True)
        self.begin = self.shown = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self.shown < 0.25 or now - self.begin < 1 or not self.console.is_terminal:
            return
        self.shown = now
        if not self.line.is_started:
            self.line.start()
        rate = done / (now - self.begin)
        left = (self.total - done) / rate if rate else float("nan")
        filled = round(done / self.total * BAR)
        self.line.update(
            Text.assemble(
                ("━" * filled, "cyan"),
                ("━" * (BAR - filled), "bright_black"),
                f"  {done:,}/{self.total:,} {self.unit}",
                f"  {rate:,.0f}/s",
                f"  {clock(left)} left",
                no_wrap=True,
                overflow="crop",
            ),
            refresh=True,
        )

    def beyond(self, before: int) -> Callable[[int], None]:
        """Return a counter for a part of the work that counts from 0, after ``before`` items."""
        return lambda done: self(before + done)

    def close(self) -> None:
        self.line.stop()


@contextlib.contextmanager
def counting(total: int, unit: str) -> Iterator[Counter]:
    """Show a `Counter` on standard error within."""
    counter = Counter(console(stderr=True), total, unit)
    try:
        yield counter
    finally:
        counter.close()

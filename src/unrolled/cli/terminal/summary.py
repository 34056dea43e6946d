"""What is told of a task's training: how much of its previews, and at the end what came out and what to do with it."""

from __future__ import annotations

from collections.abc import Sequence

from ...tasks.registry import task_class
from ...training.log import Summary
from ...training.metrics import Metric, line
from .look import clock, command


def summary_lines(summary: Summary, metrics: Sequence[Metric]) -> list[tuple[str, str]]:
    """(label, text) of everything worth knowing, the next commands last."""
    at_once = summary.stopped == "fitted"
    lines = [
        ("run", str(summary.folder)),
        ("fitted", f"in {clock(summary.seconds)}")
        if at_once
        else ("steps", f"{summary.steps:,} in {clock(summary.seconds)} ({summary.stopped})"),
    ]
    if summary.best:
        at = f"  at step {summary.best['step']:,.0f}" if "step" in summary.best and not at_once else ""
        lines.append(("validation", line(summary.best, metrics) + at))
    if summary.test:
        lines.append(("test", line(summary.test, metrics)))
    if summary.stopped == "interrupted":
        lines.append(("go on", command("resume", summary.folder)))
    elif summary.stopped == "finished":
        lines.append(("train longer", command("resume", summary.folder, "--steps", str(2 * summary.steps))))
    return [*lines, *((what, command(verb, summary.folder)) for what, verb in task_class(summary.task).use.items())]

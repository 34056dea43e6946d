"""What is told of a task's training: how much of its previews, and at the end what came out and what to do with it."""

from __future__ import annotations

from ..tasks import PREVIEW_LINES, TASKS
from ..training.log import Summary
from .look import clock, command, figures


def preview_lines(task: str) -> int:
    """How many lines of a preview are shown as training goes on."""
    return TASKS[task].preview_lines if task in TASKS else PREVIEW_LINES


def summary_lines(summary: Summary) -> list[tuple[str, str]]:
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
        lines.append(("validation", figures(summary.best) + at))
    if summary.test:
        lines.append(("test", figures(summary.test)))
    if summary.stopped == "interrupted":
        lines.append(("go on", command("resume", summary.folder)))
    elif summary.stopped == "finished":
        lines.append(("train longer", command("resume", summary.folder, "--steps", str(2 * summary.steps))))
    use = TASKS[summary.task].use.items() if summary.task in TASKS else ()
    return [*lines, *((what, command(verb, summary.folder)) for what, verb in use)]

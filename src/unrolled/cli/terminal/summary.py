"""The summary printed after training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tasks.opening import custom_cell
from ...tasks.registry import task_class
from ...training.folder import RunFolder
from ...training.log import Summary
from ...training.metrics import Metric, line
from .look import clock, command


def summary_lines(summary: Summary, metrics: Sequence[Metric], config: Any = None) -> list[tuple[str, str]]:
    """Return (label, text) lines: the run, its metrics, and the commands to use it, which name a custom cell."""
    cell = custom_cell(config)
    trusted = ("--cell", cell) if cell else ()
    fitted = summary.stopped == "fitted"
    planned = f" of {summary.planned:,}" if summary.planned > summary.steps else ""
    lines = [
        ("run", str(summary.folder)),
        ("fitted", f"in {clock(summary.seconds)}")
        if fitted
        else ("steps", f"{summary.steps:,}{planned} in {clock(summary.seconds)} ({summary.stopped})"),
    ]
    if summary.best:
        at = f"  at step {summary.best['step']:,.0f}" if "step" in summary.best and not fitted else ""
        at += f" of {summary.steps:,}" if at and summary.best["step"] < summary.steps else ""
        lines.append(("validation", line(summary.best, metrics) + at))
    if summary.test:
        lines.append(("test", line(summary.test, metrics)))
    if (curve := RunFolder(summary.folder).curve).exists():
        lines.append(("curve", str(curve)))
    if summary.advice:
        lines.append(("advice", summary.advice))
    if summary.stopped == "interrupted":
        lines.append(("resume", command("resume", summary.folder, *trusted)))
    elif summary.stopped == "finished" and summary.longer:
        lines.append(("train longer", command("resume", summary.folder, "--steps", str(2 * summary.steps), *trusted)))
    if summary.offer is not None:
        lines += [("simpler", summary.offer.reason), ("train it", command(*summary.offer.command))]
    for label, verb in task_class(summary.task).use.items():
        inputs = [summary.example] if summary.example and verb == "predict" else []
        lines.append((label, command(verb, summary.folder, *inputs, *trusted)))
    return lines

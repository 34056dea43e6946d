"""unrolled runs: list the runs in the runs folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import RunError, UnrolledError
from ..tasks.common.model_name import model_name
from ..tasks.registry import class_of_run
from ..training.checkpoint import peek
from ..training.config import from_toml, parse_toml, read_text
from ..training.folder import RunFolder, runs_folder
from ..training.metrics import Metric
from .arguments import parse
from .terminal.look import command
from .terminal.reporters import emit
from .terminal.tables import show_pairs, show_table

PROG = "unrolled runs"
LONGEST = 40  # characters of a reason in the table
ABOUT = "List the runs in the folder that UNROLLED_RUNS names, by default ./runs."


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Output format."""

    json: bool = False
    """print one JSON object per line"""


@dataclass(frozen=True)
class Entry:
    """One run, as far as it can be read; ``damage`` describes the rest."""

    run: str
    modified: float
    task: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    step: int | None = None
    best: dict[str, float] = field(default_factory=dict)
    selected_by: str = ""
    shown: str = ""
    """the metric used for model selection, with its unit"""
    damage: str = ""


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    options = parse(Runs, argv, PROG, ABOUT)
    parent = runs_folder()
    entries = sorted(map(read, _folders(parent)), key=lambda entry: -entry.modified)
    if options.json:
        for entry in entries:
            emit("run", **dataclasses.asdict(entry))
    elif not entries:
        print(f"no runs in {parent.absolute()}; train one with: {command('train', 'lm')}")
    else:
        header = ("run", "task", "data", "model", "steps", "best validation", "when")
        notes: list[str] = []
        show_table(header, [_row(entry, notes) for entry in entries], right=("steps",))
        if notes:
            print()
            show_pairs((f"({number})", note) for number, note in enumerate(notes, 1))
    return 0


def read(path: Path) -> Entry:
    """Return the entry of a run, which may be damaged."""
    folder = RunFolder(path)
    entry = Entry(str(path), _modified(path))
    try:
        text = read_text(folder.config)
        task, options = parse_toml(text, str(folder.config))
    except RunError as error:
        return dataclasses.replace(entry, damage=str(error))
    state = peek(folder.checkpoints) or {}
    step, scores = state.get("step"), _best(folder.metrics)
    best = {name: value for name, value in scores.items() if isinstance(value, int | float) and name != "best"}
    try:
        cls = class_of_run(task, path)
        instance = cls(from_toml(cls.Config(), text, str(folder.config)))
    except UnrolledError as error:  # the task is not installed, or the options are from another version
        return dataclasses.replace(entry, task=task, options=options, damage=str(error))
    by = str(scores.get("by", instance.decides))
    return dataclasses.replace(
        entry,
        task=task,
        options=options,
        step=step if isinstance(step, int) else None,
        best=best,
        selected_by=by,
        shown=_scores(instance.metrics, best, by),
        damage="" if folder.model.is_file() else f"no model yet{', in training' if folder.trainer else ''}",
    )


def _folders(parent: Path) -> list[Path]:
    try:
        folders = [*parent.iterdir(), *parent.glob("*/fold-*")]  # those of cross-validations too
        return [path for path in folders if (path / "config.toml").exists()]
    except OSError:
        return []


def _best(metrics: Path) -> dict[str, Any]:
    """Return the last validation scores marked as best; unreadable lines are skipped."""
    best: dict[str, Any] = {}
    try:
        with metrics.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if '"best": true' in line:
                    values = json.loads(line)
                    best = values if isinstance(values, dict) else best
    except (OSError, ValueError):
        pass
    return best


def _modified(path: Path) -> float:
    times = [0.0]
    for name in ("config.toml", "metrics.jsonl", "checkpoints"):
        try:
            times.append((path / name).stat().st_mtime)
        except OSError:
            continue
    return max(times)


def _row(entry: Entry, notes: list[str]) -> tuple[str, ...]:
    """Return the row of a run; a long reason is appended to the ``notes`` below the table, which it would widen."""
    when = datetime.fromtimestamp(entry.modified).strftime("%Y-%m-%d %H:%M")
    damage = entry.damage
    if len(damage) > LONGEST:
        notes.append(damage)
        damage = f"see ({len(notes)})"
    if not entry.task:
        return entry.run, "damaged", "", "", "", damage, when
    options = entry.options
    planned = options.get("steps")
    total = f"{planned:,}" if isinstance(planned, int) else "?"
    steps = f"{entry.step:,}/{total}" if entry.step is not None else f"?/{total}"
    if options.get("kind") in ("ngram", "bag"):
        steps = "–"  # fitted at once
    data = str(options.get("data", "?"))
    data = data if len(data) <= 40 else "…" + data[-39:]
    return entry.run, entry.task, data, model_name(options), steps, entry.shown or damage or "–", when


def _scores(metrics: Sequence[Metric], best: dict[str, float], by: str) -> str:
    """Return the metric used for model selection; if that is the loss, also the first other metric."""
    shown = [metric for metric in metrics if metric.shown and metric.name in best]
    first, others = [metric for metric in shown if metric.name == by], [metric for metric in shown if metric.name != by]
    return "  ".join(metric.text(best[metric.name]) for metric in [*first, *(others[:1] if by == "loss" else [])])

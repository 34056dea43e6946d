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
from .terminal.tables import show_table

PROG = "unrolled runs"
ABOUT = "List your runs: those in the folder that UNROLLED_RUNS names, or in ./runs."


@dataclass(frozen=True, kw_only=True)
class Runs:
    """How to list them."""

    json: bool = False
    """print one JSON object per line"""


@dataclass(frozen=True)
class Entry:
    """One run as far as it can be read; ``damage`` says what cannot."""

    run: str
    modified: float
    task: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    step: int | None = None
    best: dict[str, float] = field(default_factory=dict)
    selected_by: str = ""
    shown: str = ""
    """the metric that the model was selected by, with its unit"""
    damage: str = ""


def run(argv: list[str]) -> int:
    """The verb."""
    options = parse(Runs, argv, PROG, ABOUT)
    parent = runs_folder()
    entries = sorted(map(read, _folders(parent)), key=lambda entry: -entry.modified)
    if options.json:
        for entry in entries:
            emit("run", **dataclasses.asdict(entry))
    elif not entries:
        print(f"no runs in {parent.absolute()}; make one with: {command('train', 'lm')}")
    else:
        header = ("run", "task", "data", "model", "steps", "best validation", "when")
        show_table(header, map(_row, entries), right=("steps",))
    return 0


def read(path: Path) -> Entry:
    """What there is to say about a run, however damaged it is."""
    folder = RunFolder(path)
    entry = Entry(str(path), _modified(path))
    try:
        text = read_text(folder.config)
        task, options = parse_toml(text, str(folder.config))
    except RunError as error:
        return dataclasses.replace(entry, damage=str(error))
    state = peek(folder.checkpoints) or {}
    step, found = state.get("step"), _best(folder.metrics)
    best = {name: value for name, value in found.items() if isinstance(value, int | float) and name != "best"}
    try:
        cls = class_of_run(task, path)
        known = cls(from_toml(cls.Config(), text, str(folder.config)))
    except UnrolledError as error:  # a task that is not installed, options of another version
        return dataclasses.replace(entry, task=task, options=options, damage=str(error))
    by = str(found.get("by", known.decides))
    return dataclasses.replace(
        entry,
        task=task,
        options=options,
        step=step if isinstance(step, int) else None,
        best=best,
        selected_by=by,
        shown=_scores(known.metrics, best, by),
        damage="" if folder.model.is_file() else f"no model yet{', in training' if folder.trainer else ''}",
    )


def _folders(parent: Path) -> list[Path]:
    try:
        return [path for path in parent.iterdir() if (path / "config.toml").exists()]
    except OSError:
        return []


def _best(metrics: Path) -> dict[str, Any]:
    """The last validation scores marked as best; lines that cannot be read are passed over."""
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


def _row(entry: Entry) -> tuple[str, ...]:
    when = datetime.fromtimestamp(entry.modified).strftime("%Y-%m-%d %H:%M")
    if not entry.task:
        return entry.run, "damaged", entry.damage, "", "", "", when
    o = entry.options
    planned = o.get("steps")
    total = f"{planned:,}" if isinstance(planned, int) else "?"
    steps = f"{entry.step:,}/{total}" if entry.step is not None else f"?/{total}"
    if o.get("kind") == "ngram":
        steps = "–"  # it was counted
    data = str(o.get("data", "?"))
    data = data if len(data) <= 40 else "…" + data[-39:]
    return entry.run, entry.task, data, model_name(o), steps, entry.shown or entry.damage or "–", when


def _scores(metrics: Sequence[Metric], best: dict[str, float], by: str) -> str:
    """The metric that the model was selected by; beside a loss the first that says more to people."""
    told = [one for one in metrics if one.shown and one.name in best]
    first, others = [one for one in told if one.name == by], [one for one in told if one.name != by]
    return "  ".join(one.text(best[one.name]) for one in [*first, *(others[:1] if by == "loss" else [])])

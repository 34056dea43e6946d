"""unrolled runs: list the runs in the runs folder."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..training.checkpoint import peek
from ..training.config import parse_toml, read_text
from ..training.folder import RunFolder, runs_folder
from .arguments import parse
from .look import command, model_name
from .reporters import emit
from .tables import show_table

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
        task, options = parse_toml(read_text(folder.config), str(folder.config))
    except RunError as error:
        return dataclasses.replace(entry, damage=str(error))
    state = peek(folder.checkpoints) or {}
    step = state.get("step")
    return dataclasses.replace(
        entry,
        task=task,
        options=options,
        step=step if isinstance(step, int) else None,
        best=_best(folder.metrics),
        damage="" if folder.model.is_file() else "no model yet",
    )


def _folders(parent: Path) -> list[Path]:
    try:
        return [path for path in parent.iterdir() if (path / "config.toml").exists()]
    except OSError:
        return []


def _best(metrics: Path) -> dict[str, float]:
    """The last validation scores marked as best; lines that cannot be read are passed over."""
    best: dict[str, float] = {}
    try:
        with metrics.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if '"best": true' in line:
                    values = json.loads(line)
                    best = {k: v for k, v in values.items() if isinstance(v, int | float) and k != "best"}
    except (OSError, ValueError, AttributeError):
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
    best = [
        f"{entry.best[name]:.3f} {unit}"
        for name, unit in (("loss", "nats"), ("bits_per_char", "bits"))
        if name in entry.best
    ]
    return entry.run, entry.task, data, model_name(o), steps, "  ".join(best) or entry.damage or "–", when

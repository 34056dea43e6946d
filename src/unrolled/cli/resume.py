"""unrolled resume RUN [--steps N | --time 10m]: resume a run from its newest checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from .. import api
from ..errors import ArgumentError, RunError
from ..training import modelfile
from ..training.checkpoint import peek
from ..training.config import parse_toml, read_text
from ..training.folder import RunFolder
from ..training.options import seconds
from .arguments import Schema, parse
from .terminal.look import command
from .terminal.reporters import choose, follow
from .threads import check_threads, threads

PROG = "unrolled resume"
NO_STOP: dict[str, Any] = {"until": None, "patience": 0}  # a run that is to train longer does not stop as before
ABOUT = (
    "Resume a run from its newest checkpoint; the result equals that of uninterrupted training. With --steps or --time "
    "a finished run trains longer, and its learning-rate schedule is extended to the new end."
)


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Run to resume."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """the run's folder"""
    steps: int | None = None
    """train until this step"""
    time: str | None = None
    """train for about this much longer: "90s", "15m" or "2h" """
    until: float | None = None
    """new target for the validation metric (with --steps or --time: none)"""
    patience: int | None = None
    """new patience; 0: off (with --steps or --time: off)"""
    lr: float | None = None
    """new peak learning rate, e.g. after divergence"""
    clip: float | None = None
    """new maximum gradient norm"""
    cell: str | None = None
    """the run's custom cell (module:Class)"""
    json: bool = False
    """report progress as JSON lines"""
    threads: int | None = None
    """number of CPU threads (default: one per core, within a container's quota)"""

    def __post_init__(self) -> None:
        check_threads(self.threads)


def run(argv: list[str]) -> int:
    """Run the command and return its exit status."""
    options = parse(Resume, argv, PROG, ABOUT)
    with Schema(Resume, PROG).names():
        changes = _changes(options)
    if changes is None:
        return 0
    changes |= {
        name: value
        for name in ("until", "patience", "lr", "clip", "cell")
        if (value := getattr(options, name)) is not None
    }
    reporter = choose(options.json)
    with Schema(Resume, PROG).names(), threads(options.threads):
        return follow(reporter, lambda: api.resume(options.run, reporter, **changes))


def _changes(options: Resume) -> dict[str, Any] | None:
    """Return the options to change; `None` if the run is finished."""
    folder = RunFolder.open(Path(options.run))
    planned = _number(parse_toml(read_text(folder.config), str(folder.config))[1].get("steps"))
    state = peek(folder.checkpoints) or {}
    planned = _number((state.get("plan") or {}).get("steps")) or planned
    done, spent = _number(state.get("step")), _number(state.get("seconds"))
    if options.steps is not None and options.time is not None:
        raise ArgumentError("time", "omitted with --steps", options.time)
    if options.steps is not None and options.steps <= done:
        raise ArgumentError("steps", f"above {done:,}, the steps already trained", options.steps)
    if options.steps is not None:
        return {"steps": options.steps, **NO_STOP}
    if options.time is not None:
        if not (done and spent):
            folder.refuse_lost()
            raise RunError(f"{folder.path} has no steps to measure the training rate; give --steps instead of --time")
        return {"steps": int(done) + max(1, int(seconds(options.time) * done / spent)), **NO_STOP}
    if planned and done >= planned and _has_model(folder):
        print(f"{folder.path} is finished: {done:,} of {planned:,} steps")
        print(f"train longer with: {command('resume', folder.path, '--steps', str(int(2 * done)))}")
        return None
    return {}


def _has_model(folder: RunFolder) -> bool:
    """Return whether the run's model can be read; if not, resuming writes it again."""
    try:
        return bool(modelfile.load(folder.model))
    except RunError:
        return False


def _number(value: object) -> float:
    """Return a value from an untrusted file if it is a number, else 0."""
    return value if isinstance(value, int | float) else 0

"""unrolled resume RUN [--steps N | --time 10m]: go on with a run from its newest checkpoint."""

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

PROG = "unrolled resume"
ABOUT = (
    "Go on with a run from its newest checkpoint, as if it had never stopped. With --steps or --time a finished run "
    "trains on; a learning rate that follows a schedule then follows it to the new end."
)


@dataclass(frozen=True, kw_only=True)
class Resume:
    """What to go on with."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """the run's folder"""
    steps: int | None = None
    """train until this step instead"""
    time: str | None = None
    """train for about this much longer ("90s", "15m", "2h")"""
    until: float | None = None
    """stop at another validation loss (or accuracy, F1, BLEU); with --steps or --time and without it, at none"""
    lr: float | None = None
    """another peak learning rate, e.g. after a training that diverged"""
    clip: float | None = None
    """another largest norm of the gradient"""
    cell: str | None = None
    """the run's cell, if it is one of your own (module:Class)"""
    json: bool = False
    """tell how it goes as one JSON object per line"""


def run(argv: list[str]) -> int:
    """The verb."""
    options = parse(Resume, argv, PROG, ABOUT)
    with Schema(Resume, PROG).names():
        changes = _changes(options)
    if changes is None:
        return 0
    changes |= {
        name: value for name in ("until", "lr", "clip", "cell") if (value := getattr(options, name)) is not None
    }
    reporter = choose(options.json)
    with Schema(Resume, PROG).names():
        return follow(reporter, lambda: api.resume(options.run, reporter, **changes))


def _changes(options: Resume) -> dict[str, Any] | None:
    """The options to change on the way; `None` if there is nothing left to train."""
    folder = RunFolder.open(Path(options.run))
    planned = _number(parse_toml(read_text(folder.config), str(folder.config))[1].get("steps"))
    state = peek(folder.checkpoints) or {}
    done, spent = _number(state.get("step")), _number(state.get("seconds"))
    if options.steps is not None and options.time is not None:
        raise ArgumentError("time", "left out when --steps is given", options.time)
    if options.steps is not None and options.steps <= done:
        raise ArgumentError("steps", f"above the {done:,} that are done", options.steps)
    if options.steps is not None:
        return {"steps": options.steps, "until": None}
    if options.time is not None:
        if not (done and spent):
            folder.refuse_lost()
            raise RunError(f"{folder.path} has no step to tell its rate by; give --steps instead of --time")
        return {"steps": int(done) + max(1, int(seconds(options.time) * done / spent)), "until": None}
    if planned and done >= planned and _has_model(folder):
        print(f"{folder.path} is finished: {done:,} of {planned:,} steps")
        print(f"train longer with: {command('resume', folder.path, '--steps', str(int(2 * done)))}")
        return None
    return {}


def _has_model(folder: RunFolder) -> bool:
    """Whether its model can be read; if not, going on makes it again."""
    try:
        return bool(modelfile.load(folder.model))
    except RunError:
        return False


def _number(value: object) -> float:
    """A number read from a file that anyone may have written to; 0 if it is none."""
    return value if isinstance(value, int | float) else 0

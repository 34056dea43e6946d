"""The two calls most people need: `train` makes a run, `load` opens one."""

from __future__ import annotations

import glob
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .checks import checked
from .errors import ArgumentError
from .tasks.opening import check_trust as check_trust
from .tasks.opening import foreign_cell, opened
from .tasks.opening import task_of as task_of
from .tasks.registry import class_of_run, ready, task_class
from .training.config import flatten, from_toml, parse_toml, read_text, refuse_without_effect, update
from .training.folder import RunFolder, reserve, runs_folder
from .training.live import reporting
from .training.log import Reporter, Summary
from .training.loop import train as run_loop


@checked
def train(task: str, *, run: str | Path | None = None, reporter: Reporter | None = None, **options: Any) -> Any:
    """Train a model and open it.

        model = unrolled.train("lm", data="texts/", hidden_size=256, time="5m")

    Args:
        task: what to train, e.g. ``"lm"``.
        run: the folder for the run; by default ``runs/TASK-DATA-N``.
        reporter: receives the progress; by default one line is shown in a terminal or notebook, and nothing elsewhere.
            ``unrolled.training.log.Silent()`` is always silent.
        options: any option of the task's config by name; other tools' names for them are understood.

    Returns:
        The trained model, as `load` would give it.

    Raises:
        ArgumentError: an unknown option, or a wrong value.
        DataError, RunError, SaveError, DivergedError: see `unrolled.errors`.
    """
    cls = ready(task_class(task))
    config = update(cls.Config(), **options)
    refuse_without_effect(config, options)
    with reporting(reporter) as reporter:
        summary = start(task, config, run, reporter)
    return load(summary.folder, cell=foreign_cell(config))


def start(task: str, config: Any, run: str | Path | None, reporter: Reporter) -> Summary:
    """Train a new run from a whole config."""
    cls, flat = ready(task_class(task)), flatten(config)
    paths = cls.paths()
    stem = f"{task}-{_stem(flat['data'], paths.get('data', (flat['data'],)))}"
    config = update(config, **{name: _absolute(flat[name], names) for name, names in paths.items() if flat.get(name)})
    with RunFolder.new(Path(run) if run is not None else reserve(runs_folder(), stem)) as folder:
        return run_loop(cls(config), folder, reporter)


@checked
def resume(run: str | Path, reporter: Reporter | None = None, **changes: Any) -> Summary:
    """Go on with a run from its newest checkpoint, as if it had never stopped.

    ``changes`` are options to change on the way, e.g. ``steps`` to train for longer. A run with a cell of one's own
    needs its name again, ``cell="module:Class"``: see `load`. ``reporter`` is as in `train`.

    Raises:
        RunError: there is no such run, somebody trains it now, it is damaged or has lost its checkpoints, its data has
            changed, or it cannot go on with the changes.
    """
    for name in ("time", "epochs"):
        if changes.get(name) is not None:
            raise ArgumentError(name, "left out when a run goes on", changes[name], "say how far with steps")
    folder = RunFolder.open(Path(run))
    with folder.resumed(), reporting(reporter) as reporter:
        text = read_text(folder.config)
        cls = ready(class_of_run(parse_toml(text, str(folder.config))[0], folder.path))
        config = from_toml(cls.Config(), text, str(folder.config))
        check_trust(config, changes.get("cell"), folder.config)
        config = update(config, **changes)
        return run_loop(cls(config), folder, reporter, resume=True)


@checked
def load(run: str | Path, *, cell: str | None = None) -> Any:
    """Open a trained model: a run's folder, its ``model.safetensors`` wherever it lies, or a checkpoint of a run.

    A checkpoint, ``RUN/checkpoints/step-N``, is opened with the weights as training had them there: no average of them,
    and not those that scored best, both of which the run's model may be.

    A model file may come from anyone, so what it says never decides which code is imported: a model trained with a
    cell of one's own is opened only if ``cell="module:Class"`` names that cell.

    Raises:
        RunError: there is no model, or it is damaged, or from a newer version.
    """
    return opened(Path(run), cell)


def _absolute(given: str, names: Collection[str]) -> str:
    """A path or pattern as it reads from any folder, so that the run can be resumed from there; a name stays."""
    if given in names or given.startswith("text:"):
        return given
    path = Path(given).expanduser()
    return str(path.absolute()) if path.exists() or glob.has_magic(given) else given


def _stem(data: str, names: Collection[str]) -> str:
    """A short name for a run from the name of its data."""
    if data in names:
        return data
    name = re.sub(r"[^A-Za-z0-9]+", "-", Path(data.removeprefix("text:")).stem).strip("-").lower()
    return name[:30] or "text"

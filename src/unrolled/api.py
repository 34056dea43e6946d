"""The main entry points: `train` creates a run, `resume` continues it, `load` opens the trained model."""

from __future__ import annotations

import glob
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .checks import checked
from .errors import ArgumentError
from .tasks.opening import check_trust as check_trust
from .tasks.opening import custom_cell, open_model
from .tasks.opening import task_of as task_of
from .tasks.registry import class_of_run, ready, task_class
from .training.config import flatten, from_toml, parse_toml, read_text, refuse_without_effect, update
from .training.folder import RunFolder, reserve, runs_folder
from .training.live import reporting
from .training.log import Reporter, Summary
from .training.loop import train as run_loop


@checked
def train(task: str, *, run: str | Path | None = None, reporter: Reporter | None = None, **options: Any) -> Any:
    """Train a model and return it, loaded.

        model = unrolled.train("lm", data="texts/", hidden_size=256, time="5m")

    Args:
        task: the task's name, e.g. ``"lm"``.
        run: the run's folder (default: ``runs/TASK-DATA-N``).
        reporter: receives progress and metrics (default: one line in a terminal or notebook, nothing elsewhere);
            ``unrolled.training.log.Silent()`` shows nothing.
        options: any option of the task's config by name; the names that other tools use are accepted too.

    Returns:
        The trained model, as `load` returns it.

    Raises:
        ArgumentError: an option is unknown or has an invalid value.
        DataError, RunError, SaveError, DivergedError: see `unrolled.errors`.
    """
    cls = ready(task_class(task))
    config = update(cls.Config(), **options)
    refuse_without_effect(config, options)
    with reporting(reporter) as reporter:
        summary = start(task, config, run, reporter)
    return load(summary.folder, cell=custom_cell(config))


def start(task: str, config: Any, run: str | Path | None, reporter: Reporter) -> Summary:
    """Train a new run from a complete config, and return its summary."""
    cls = ready(task_class(task))
    config, stem = located(task, config)
    with RunFolder.new(Path(run) if run is not None else reserve(runs_folder(), stem)) as folder:
        return run_loop(cls(config), folder, reporter)


def located(task: str, config: Any) -> tuple[Any, str]:
    """Return a config with absolute paths, and the beginning of a run's name: ``TASK-DATA``."""
    flat, paths = flatten(config), task_class(task).paths()
    stem = f"{task}-{_stem(flat['data'], paths.get('data', (flat['data'],)))}"
    absolute = {name: _absolute(flat[name], names) for name, names in paths.items() if flat.get(name)}
    return update(config, **absolute), stem


@checked
def resume(run: str | Path, reporter: Reporter | None = None, **changes: Any) -> Summary:
    """Resume training from the newest checkpoint; the result equals that of uninterrupted training.

    Args:
        run: the run's folder.
        reporter: as in `train`.
        changes: config options to change, e.g. ``steps`` to train for longer. A run with a custom cell needs
            ``cell="module:Class"`` again: see `load`.

    Raises:
        ArgumentError: a change is unknown or has an invalid value.
        RunError: the run does not exist, is being trained by another process, is damaged or has lost its checkpoints,
            its data has changed, or it cannot be resumed with these changes.
    """
    for name in ("time", "epochs"):
        if changes.get(name) is not None:
            raise ArgumentError(name, "omitted when resuming a run", changes[name], "set steps instead")
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
    """Load a trained model.

        model = unrolled.load("runs/lm-texts-1")

    Args:
        run: a run's folder, a ``model.safetensors`` file, or a checkpoint ``RUN/checkpoints/step-N``. A checkpoint has
            the raw weights of that step; the run's model may be an average of weights, or those of the best step.
        cell: ``module:Class`` of the model's custom cell. A model file never decides which code is imported, so a model
            with a custom cell loads only if this argument names it.

    Returns:
        The task's subclass of `tasks.common.trained.Trained`, in evaluation mode.

    Raises:
        RunError: the model does not exist, is damaged, was saved by a newer version, or has a custom cell that ``cell``
            does not name.
    """
    return open_model(Path(run), cell)


def _absolute(data: str, names: Collection[str]) -> str:
    """Return a path or pattern as an absolute one, so that the run can be resumed from any folder; keep a name."""
    if data in names or data.startswith("text:"):
        return data
    path = Path(data).expanduser()
    return str(path.absolute()) if path.exists() or glob.has_magic(data) else data


def _stem(data: str, names: Collection[str]) -> str:
    """Return a short name for a run, derived from its data's name."""
    if data in names:
        return data
    name = re.sub(r"[^A-Za-z0-9]+", "-", Path(data.removeprefix("text:")).stem).strip("-").lower()
    return name[:30] or "text"

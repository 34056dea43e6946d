"""The main entry points: `train` creates a run, `resume` continues it, `load` opens the trained model."""

from __future__ import annotations

import contextlib
import glob
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from .cells import Cell, cell_name
from .checks import checked, plain
from .errors import ArgumentError, RunError
from .tasks.opening import check_trust as check_trust
from .tasks.opening import custom_cell, open_model, with_data_of
from .tasks.opening import task_of as task_of
from .tasks.registry import class_of_run, ready, task_class
from .tasks.starting import start_defaults as start_defaults
from .tasks.starting import start_source
from .training import modelfile
from .training.config import ALIASES, flatten, from_toml, parse_toml, read_text, refuse_without_effect, update
from .training.files import save_error
from .training.folder import RunFolder, reserve, runs_folder
from .training.keywords import keyword_names
from .training.live import reporting
from .training.log import Reporter, Summary
from .training.loop import train as run_loop
from .training.start_options import START_OPTIONS, start_of


@checked
def train(task: str, *, run: str | Path | None = None, reporter: Reporter | None = None, **options: Any) -> Any:
    """Train a model and return it, loaded.

        model = unrolled.train("lm", data="texts/", hidden_size=256, time="5m")
        model = unrolled.train("classify", data=[("good film", "pos"), ("dull", "neg"), …])

    Data may be given in Python instead of a path: a list of (text, label), (words, tags) or (source, target), a list of
    dictionaries, a data frame, or for a language model a list of documents. They are saved in the run's folder, and
    read from there by the rules for files.

    Args:
        task: the task's name, e.g. ``"lm"``.
        run: the run's folder (default: ``runs/TASK-DATA-N``).
        reporter: receives progress and metrics (default: one line in a terminal or notebook, nothing elsewhere);
            ``unrolled.training.log.Silent()`` shows nothing.
        options: any option of the task's config by name; the names that other tools use are accepted too. ``cell`` may
            be a class that derives from `Cell`, at the top level of a module.

    Returns:
        The trained model, as `load` returns it.

    Raises:
        ArgumentError: an option is unknown or has an invalid value.
        DataError, RunError, SaveError, DivergedError: see `unrolled.errors`.
    """
    cls = ready(task_class(task))
    for name in cls.given:
        check_data(name, options.get(name))
    given = {name: options[name] for name in cls.given if _is_content(options.get(name))}
    options |= dict.fromkeys(given, "data") | ({"cell": cell_name(options["cell"])} if "cell" in options else {})
    config = configured(cls, options)
    with reporting(reporter) as reporter, keyword_names(flatten(config)):
        summary = start(task, config, run, reporter, given)
    return load(summary.folder, cell=custom_cell(config))


def start(
    task: str, config: Any, run: str | Path | None, reporter: Reporter, given: Mapping[str, Any] | None = None
) -> Summary:
    """Train a new run from a complete config, and return its summary; ``given`` are data that are no paths."""
    cls = ready(task_class(task))
    config, stem = located(task, config)
    source = start_source(cls, config)
    path = Path(run) if run is not None else reserve(runs_folder(), stem)
    with (
        RunFolder.new(path) as folder,
        _written(cls, given or {}, folder) as written,
        _copied(source, folder),
    ):
        problem = cls(update(config, **written))
        problem.source = source
        return run_loop(problem, folder, reporter)


def configured(cls: Any, options: Mapping[str, Any]) -> Any:
    """Return the config of a task with the user's options; a run that starts from another one has that one's network.

    Raises:
        ArgumentError, RunError: see `train`.
    """
    named = {ALIASES.get(name, name): value for name, value in options.items()}
    config, run = cls.Config(), named.get("from_run")
    if isinstance(run, str | Path) and "from_run" in flatten(config):
        with keyword_names(flatten(config)):
            config = update(config, **start_defaults(cls, str(run), named))
    config = update(config, **options)
    refuse_without_effect(config, options)
    return config


@contextlib.contextmanager
def _copied(source: modelfile.ModelFile | None, folder: RunFolder) -> Iterator[None]:
    """Write the model that training starts from to the run's folder; remove it again if the run never started."""
    try:
        if source is not None:
            modelfile.save(folder.start, source.tensors, source.task, source.config, source.assets, source.scores)
        yield
    finally:
        if not folder.config.exists():
            folder.start.unlink(missing_ok=True)


@contextlib.contextmanager
def _written(cls: Any, given: Mapping[str, Any], folder: RunFolder) -> Iterator[dict[str, str]]:
    """Write data to the run's folder and return their paths; remove them again if the run never started."""
    try:
        yield {name: _write(cls, name, value, folder.data.absolute()) for name, value in given.items()}
    finally:
        if given and not folder.config.exists():
            shutil.rmtree(folder.data, ignore_errors=True)


def _write(cls: Any, name: str, value: Any, folder: Path) -> str:
    try:
        folder.mkdir(exist_ok=True)
        return str(cls.write_data(name, value, folder))
    except OSError as error:
        raise save_error(folder, error) from error


def check_data(name: str, value: Any) -> None:
    """Raise `ArgumentError` if the value of an option for data is a number."""
    if isinstance(plain(value), int | float):
        raise ArgumentError(name, "a path, the name of a data set, a list of examples or a data frame", value)


def _is_content(value: Any) -> bool:
    """Whether the value of an option is data instead of a path or name; a number is neither."""
    return value is not None and not isinstance(value, str | Path | int | float)


def located(task: str, config: Any) -> tuple[Any, str]:
    """Return a config with absolute paths, and the beginning of a run's name: ``TASK-DATA``."""
    flat, paths = flatten(config), {**task_class(task).paths(), "from_run": ()}
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
    for name in changes:
        if ALIASES.get(name, name) in START_OPTIONS:
            raise ArgumentError(name, "omitted when resuming a run", changes[name], "train a new run instead")
    folder = RunFolder.open(Path(run))
    with folder.resumed(), reporting(reporter) as reporter:
        text = read_text(folder.config)
        cls = ready(class_of_run(parse_toml(text, str(folder.config))[0], folder.path))
        config = from_toml(cls.Config(), text, str(folder.config))
        if "cell" in changes:
            changes["cell"] = cell_name(changes["cell"])
        check_trust(config, changes.get("cell"), folder.config)
        config = with_data_of(config, cls, folder.path)
        config = update(config, **changes)
        problem = cls(config)
        if start_of(config).from_run is not None:
            if not folder.start.is_file():
                raise RunError(f"{folder.start}, the model that training started from, is missing; restore it")
            problem.source = modelfile.load(folder.start)
        return run_loop(problem, folder, reporter, resume=True)


@checked
def load(run: str | Path, *, cell: str | type[Cell] | None = None) -> Any:
    """Load a trained model.

        model = unrolled.load("runs/lm-texts-1")

    Args:
        run: a run's folder, a ``model.safetensors`` file, or a checkpoint ``RUN/checkpoints/step-N``. A checkpoint has
            the raw weights of that step; the run's model may be an average of weights, or those of the best step.
        cell: the model's custom cell: ``module:Class``, or the class. A model file never decides which code is
            imported, so a model with a custom cell loads only if this argument names it.

    Returns:
        The task's subclass of `tasks.common.trained.Trained`, in evaluation mode.

    Raises:
        RunError: the model does not exist, is damaged, was saved by a newer version, or has a custom cell that ``cell``
            does not name.
    """
    return open_model(Path(run), cell_name(cell))


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

"""Start a run from the weights of another one (``--from RUN``), of the same task or of one whose layers fit.

`start_defaults` gives the options below those of the user; `start_source` checks the final config and returns the model
to start from. Its file is copied to the new run's folder, so that resuming does not need the other run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..training.config import flatten, from_toml
from ..training.modelfile import ModelFile
from ..training.start_options import start_of
from ..training.task import Task
from .common.starting import KINDS
from .opening import check_trust, custom_cell, read_model
from .registry import class_of_run, ready

SHOWN = 3  # tensors in a message


class _Opened(NamedTuple):
    file: ModelFile
    config: Any
    task: type[Task]


def start_defaults(task: type[Task], run: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a run started from ``run`` that differ from the defaults of its task.

    Args:
        task: the class of the new run's task.
        run: a run's folder, a model file or a checkpoint.
        given: the options that the user gave.

    Raises:
        ArgumentError: the task cannot use the weights of ``run``.
        RunError: ``run`` is not a model, is damaged, or has a custom cell that the user did not name.
    """
    if (kind := given.get("kind")) in KINDS:
        raise ArgumentError("from_run", f"omitted with --kind {kind}, which has no recurrent layers", run)
    opened = _open(run)
    check_trust(opened.config, given.get("cell"), run)
    flat = flatten(opened.config)
    with _of(run):
        kept = task.kept(opened.file, flat)
    more = {"num_layers": flat["num_layers"]} if "num_layers" in flat else {}
    return {**more, **kept, **task.started(opened.file, flat)}


def start_source(task: type[Task], config: Any) -> ModelFile | None:
    """Return the model that a run with this config starts from, if any, after checking that both fit.

    Raises:
        ArgumentError: an option contradicts that of the model, whose shapes are listed.
        RunError: see `start_defaults`.
    """
    run = start_of(config).from_run
    if run is None:
        return None
    opened, flat = _open(run), flatten(config)
    check_trust(opened.config, custom_cell(config), run)
    if opened.file.task != task.name and flat.get("head") in ("auto", "keep"):
        got = f"{flat['head']}: {run} is a run of the task {opened.file.task}, which has another output layer"
        raise ArgumentError("head", "new with a run of another task", got)
    with _of(run):
        kept = task.kept(opened.file, flatten(opened.config))
    for name, value in kept.items():
        if flat[name] != value:
            expected = f"{value}, as in {run} ({_shapes(opened.file)})"
            raise ArgumentError(name, expected, flat[name], "omit it, or train without --from")
    opened.task.open(opened.file, opened.config)  # a damaged file is refused before any work
    return opened.file


def _open(run: str) -> _Opened:
    path = Path(run).expanduser()
    file = read_model(path)
    task = ready(class_of_run(file.task, run))
    return _Opened(file, from_toml(task.Config(), file.config, run), task)


@contextlib.contextmanager
def _of(run: str) -> Iterator[None]:
    """Within, an error about the run that training starts from names it."""
    try:
        yield
    except ArgumentError as error:
        if error.name != "from_run":
            raise
        raise ArgumentError(error.name, error.expected, f"{run}, {error.received}", error.remedy) from error


def _shapes(file: ModelFile) -> str:
    """Return the shapes of the first tensors of a model's recurrent layers, or of any."""
    names = [name for name in file.tensors if ".weight_" in name] or list(file.tensors)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"{name} {'×'.join(map(str, file.tensors[name].shape))}" for name in names[:SHOWN]) + more

"""Open trained models of any task by path: for `unrolled.load`, and for tasks that use a model of another task, such as
a language model (`common.writer.Writer`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from ..errors import RunError
from ..training import checkpoint, modelfile
from ..training.config import flatten, from_toml, update
from ..training.folder import RunFolder
from .common.trained import Trained
from .registry import class_of_run, ready

C = TypeVar("C")


def open_model(path: Path, cell: str | None = None) -> Any:
    """Return the trained model of a run, a model file or a checkpoint; see `unrolled.load`.

    Raises:
        RunError: the model does not exist, is damaged, or was saved by a newer version.
    """
    file = read_model(path)
    cls = ready(class_of_run(file.task, path))
    config = from_toml(cls.Config(), file.config, str(path))
    check_trust(config, cell, path)
    folder = path.absolute().parents[1] if checkpoint.is_checkpoint(path) else path if path.is_dir() else path.parent
    model = cls.open(file, with_data_of(config, cls, folder))
    if isinstance(model, Trained):
        model.seen = file.assets.get("seen", "")
    return model


def read_model(path: Path) -> modelfile.ModelFile:
    """Return the content of the model file of a run, a model file or a checkpoint.

    Raises:
        RunError: see `open_model`.
    """
    return _checkpoint_file(path) if checkpoint.is_checkpoint(path) else modelfile.load(_model_file(path))


def with_data_of(config: C, cls: Any, folder: Path) -> C:
    """Return the config of a run that was moved to ``folder`` with the new paths of the data inside it."""
    flat, data, moved = flatten(config), RunFolder(folder.absolute()).data, dict[str, str]()
    for name in cls.given:
        old = Path(flat[name] or "")
        if old.parent.name == data.name and not old.exists() and (data / old.name).exists():
            moved[name] = str(data / old.name)
    return update(config, **moved)


def task_of(run: str | Path) -> str:
    """Return the name of a trained model's task, from its file's header; no code of the task runs.

    Raises:
        RunError: the model does not exist.
    """
    path = Path(run)
    return modelfile.task_of(_model_file(path.absolute().parents[1] if checkpoint.is_checkpoint(path) else path))


def _model_file(path: Path) -> Path:
    """Return the model file of a run's folder; a path to a file is returned unchanged."""
    if not path.is_dir():
        return path
    folder = RunFolder.open(path)
    if not folder.model.exists():
        if trainer := folder.trainer:
            raise RunError(f"{path} has no model yet: it is being trained by {trainer}; wait for its first evaluation")
        raise RunError(
            f"{path} has no model yet: training stopped before its first evaluation; run: unrolled resume {path}"
        )
    return folder.model


def _checkpoint_file(path: Path) -> modelfile.ModelFile:
    """Return a checkpoint's weights with the task, config and vocabulary of its run's model file."""
    tensors, _ = checkpoint.load(path)
    weights = {name.removeprefix("model."): tensor for name, tensor in tensors.items() if name.startswith("model.")}
    return modelfile.load(_model_file(path.absolute().parents[1]))._replace(tensors=weights)


def custom_cell(config: Any) -> str | None:
    """Return the name of a config's custom cell, ``module:Class``; `None` for a built-in one."""
    cell = getattr(getattr(config, "model", None), "cell", "")
    return cell if ":" in cell else None


def check_trust(config: Any, trusted: object, where: object) -> None:
    """Check that a config read from a file has no custom cell except the one that the user named.

    Args:
        config: the file's config.
        trusted: the cell that the user named in this call, if any.
        where: the file, for the message.

    Raises:
        RunError: the config has another custom cell.
    """
    cell = custom_cell(config)
    if cell is not None and trusted is not None and cell != trusted:
        raise RunError(f"{where} uses the cell {cell}, not {trusted}; pass --cell {cell}, or cell={cell!r} in Python")
    if cell is not None and trusted is None:
        raise RunError(
            f"{where} uses the cell {cell}, which is code outside unrolled; if you trust that code, name it too: "
            f"--cell {cell}, or cell={cell!r} in Python"
        )

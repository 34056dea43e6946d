"""Trained models by path, whatever their task: for `unrolled.load`, and for tasks that use models of another task, such
as a language model (`common.writer.Writer`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import RunError
from ..training import checkpoint, modelfile
from ..training.config import from_toml
from ..training.folder import RunFolder
from .registry import class_of_run, ready


def opened(path: Path, cell: str | None = None) -> Any:
    """The trained model of a run, a model file or a checkpoint; see `unrolled.load`.

    Raises:
        RunError: there is no model, or it is damaged, or from a newer version.
    """
    file = _of_checkpoint(path) if checkpoint.is_checkpoint(path) else modelfile.load(_model_file(path))
    cls = ready(class_of_run(file.task, path))
    config = from_toml(cls.Config(), file.config, str(path))
    check_trust(config, cell, path)
    return cls.open(file, config)


def task_of(run: str | Path) -> str:
    """The name of a trained model's task, from the header of its file; no code of the task runs.

    Raises:
        RunError: there is no model.
    """
    path = Path(run)
    file = _model_file(path.absolute().parents[1] if checkpoint.is_checkpoint(path) else path)
    if not file.is_file():
        modelfile.load(file)  # which says it best
    return modelfile.task_of(file)


def _model_file(path: Path) -> Path:
    """The model file of a run's folder; a file is itself."""
    if not path.is_dir():
        return path
    folder = RunFolder.open(path)
    if not folder.model.exists():
        if who := folder.trainer:
            raise RunError(f"{path} has no model yet: it is being trained by {who}; wait for its first evaluation")
        raise RunError(f"{path} has no model yet: its training was stopped too early; unrolled resume {path}")
    return folder.model


def _of_checkpoint(path: Path) -> modelfile.ModelFile:
    """A checkpoint's weights as a model file; task, config and vocabulary are the run's."""
    tensors, _ = checkpoint.load(path)
    weights = {name.removeprefix("model."): tensor for name, tensor in tensors.items() if name.startswith("model.")}
    return modelfile.load(_model_file(path.absolute().parents[1]))._replace(tensors=weights)


def foreign_cell(config: Any) -> str | None:
    """The cell of a config if it is code outside this package."""
    cell = getattr(getattr(config, "model", None), "cell", "")
    return cell if ":" in cell else None


def check_trust(config: Any, named: object, where: object) -> None:
    """Raise `RunError` if the config from the file ``where`` names a cell outside this package that the user did not.

    Args:
        config: what the file says.
        named: the cell the user named in this call, if any.
        where: the file, for the message.
    """
    foreign = foreign_cell(config)
    if foreign is not None and foreign != named:
        raise RunError(
            f"{where} uses the cell {foreign}, which is code outside unrolled; if you trust that code, name it too: "
            f"--cell {foreign}, or cell={foreign!r} in Python"
        )

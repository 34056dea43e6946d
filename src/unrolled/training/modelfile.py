"""model.safetensors: the complete model in one file. The header holds task, config, vocabulary, scores and a digest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ..errors import RunError
from .files import write_atomically

FORMAT = "unrolled-1"


class ModelFile(NamedTuple):
    """The content of a model file."""

    task: str
    config: str  # TOML
    assets: dict[str, Any]
    tensors: dict[str, Tensor]
    scores: dict[str, float] = {}  # noqa: RUF012
    """validation metrics and step; empty if they were not saved"""


def save(
    path: Path,
    tensors: dict[str, Tensor],
    task: str,
    config: str,
    assets: dict[str, Any],
    scores: dict[str, float] | None = None,
) -> None:
    """Write a model file atomically.

    Raises:
        SaveError: the file could not be written; an earlier file at ``path`` is unchanged.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    header = {"format": FORMAT, "task": task, "config": config, "assets": json.dumps(assets)}
    if scores:
        header["scores"] = json.dumps(scores)
    header["digest"] = _digest(header, plain)
    write_atomically(path, _sorted_header(safetensors.torch.save(plain, metadata=header)))


def _sorted_header(data: bytes) -> bytes:
    """Sort the metadata keys of a safetensors file, so that equal models give equal files.

    The library writes metadata in an order that varies between processes. A file starts with the length of its header
    (8 bytes); the header is JSON, padded with spaces to a multiple of 8 bytes.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def load(path: Path) -> ModelFile:
    """Read and verify a model file.

    Raises:
        RunError: the file is missing, truncated or altered, is not a model file, or is from a newer version.
    """
    _check_file(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            form = header.get("format", "")
            if form != FORMAT:
                newer = form.startswith("unrolled-")
                raise RunError(
                    f"{path} has format {form}, newer than this version of unrolled supports; upgrade with: "
                    "pip install --upgrade unrolled"
                    if newer
                    else f"{path} is not a model of unrolled: its header has no format"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header.get("digest") != _digest(header, tensors):
            raise RunError(
                f"{path} is damaged or was altered: its digest does not match; restore it or train a new model"
            )
        assets, scores = json.loads(header["assets"]), json.loads(header.get("scores", "{}"))
        if not (isinstance(assets, dict) and isinstance(scores, dict)):
            raise ValueError("assets and scores must be JSON objects")
        return ModelFile(header["task"], header["config"], assets, tensors, scores)
    except (
        safetensors.SafetensorError,
        OSError,
        KeyError,
        ValueError,
        RuntimeError,
        TypeError,
        RecursionError,
    ) as error:
        raise RunError(f"{path} is truncated or damaged ({error}); restore it or train a new model") from error


def task_of(path: Path) -> str:
    """Return the task of a model file, reading only its header.

    Raises:
        RunError: the file is missing, or is not a model file of unrolled.
    """
    _check_file(path)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except (safetensors.SafetensorError, OSError, RuntimeError) as error:
        raise RunError(f"{path} is truncated or damaged ({error}); restore it or train a new model") from error
    if "task" not in header:
        raise RunError(f"{path} is not a model of unrolled: its header names no task")
    return str(header["task"])


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise RunError(
            f"{path} is not a file; give the folder of a run or its model.safetensors (list runs with: unrolled runs)"
        )


def check_fit(model: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Raise `RunError` unless names and shapes of ``tensors`` match those of the model."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise RunError(
                f"the weights in {where} do not match its config: {name} is {found.get(name, 'missing')}, "
                f"the config requires {expected.get(name, 'none')}"
            )


def restore(model: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Load weights into a model.

    Raises:
        RunError: names or shapes do not match.
    """
    check_fit(model, tensors, where)
    model.load_state_dict(tensors)


def _digest(header: dict[str, str], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in ("format", "task", "config", "assets"):
        digest.update(header.get(key, "").encode() + b"\0")
    digest.update(header.get("scores", "").encode())  # not in older files
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()

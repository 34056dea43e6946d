"""model.safetensors: one file that is the model. Its header carries task, config, vocabulary, scores and a digest."""

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
    """What a model file holds."""

    task: str
    config: str  # TOML
    assets: dict[str, Any]
    tensors: dict[str, Tensor]
    scores: dict[str, float] = {}  # noqa: RUF012
    """how good it is on validation data, and at which step; empty if its writer did not say"""


def save(
    path: Path,
    tensors: dict[str, Tensor],
    task: str,
    config: str,
    assets: dict[str, Any],
    scores: dict[str, float] | None = None,
) -> None:
    """Write a model file whole or not at all.

    Raises:
        SaveError: it could not be written; an earlier one at ``path`` stands.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    header = {"format": FORMAT, "task": task, "config": config, "assets": json.dumps(assets)}
    if scores:
        header["scores"] = json.dumps(scores)
    header["digest"] = _digest(header, plain)
    write_atomically(path, _sorted_header(safetensors.torch.save(plain, metadata=header)))


def _sorted_header(data: bytes) -> bytes:
    """A safetensors file with its header's keys in order, so that equal models are equal files.

    The library writes the metadata in an order that changes from process to process. A file begins with the length of
    its header, 8 bytes; the header is JSON, padded with blanks to a multiple of 8.
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
        RunError: missing, truncated, altered, not ours, or from a newer version.
    """
    if not path.is_file():
        raise RunError(f"{path} is not a file; give a run's folder or its model.safetensors (list them: unrolled runs)")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            form = header.get("format", "")
            if form != FORMAT:
                newer = form.startswith("unrolled-")
                raise RunError(
                    f"{path} is {form}, newer than this version of unrolled reads; pip install --upgrade unrolled"
                    if newer
                    else f"{path} is not a model of unrolled: its header has no format"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header.get("digest") != _digest(header, tensors):
            raise RunError(f"{path} is damaged or was altered: its digest does not match; restore it or train anew")
        assets, scores = json.loads(header["assets"]), json.loads(header.get("scores", "{}"))
        if not (isinstance(assets, dict) and isinstance(scores, dict)):
            raise ValueError("its assets or scores are no JSON object")
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
        raise RunError(f"{path} is truncated or damaged ({error}); restore it or train anew") from error


def task_of(path: Path) -> str:
    """The name of a model file's task, from its header alone.

    Raises:
        RunError: it is no model file of ours.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except (safetensors.SafetensorError, OSError, RuntimeError) as error:
        raise RunError(f"{path} is truncated or damaged ({error}); restore it or train anew") from error
    if "task" not in header:
        raise RunError(f"{path} is not a model of unrolled: its header names no task")
    return str(header["task"])


def check_fit(model: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Raise `RunError` unless ``tensors`` have the names and shapes of the model's."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise RunError(
                f"the weights in {where} do not fit its config: {name} is {found.get(name, 'missing')}, "
                f"the config asks for {expected.get(name, 'none')}"
            )


def restore(model: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Put weights into a model.

    Raises:
        RunError: names or shapes differ.
    """
    check_fit(model, tensors, where)
    model.load_state_dict(tensors)


def _digest(header: dict[str, str], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in ("format", "task", "config", "assets"):
        digest.update(header.get(key, "").encode() + b"\0")
    digest.update(header.get("scores", "").encode())  # which older files lack
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()

"""Checkpoints: the complete training state, so that a resumed run continues as if it had never stopped.

checkpoints/step-N/tensors.safetensors   weights, weight average, optimizer state, carried state, RNG states
checkpoints/step-N/state.json            step, best loss, schedule, offset into metrics.jsonl
checkpoints/step-N/manifest.json         SHA-256 of these two files
checkpoints/latest                       the name of the newest complete checkpoint
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from ..errors import RunError
from .files import save_error, sync_folder, write_atomically, write_synced

KEEP = 2


def save(folder: Path, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write ``folder/step-N`` atomically, point ``latest`` to it, and remove all but the newest two checkpoints.

    Raises:
        SaveError: the checkpoint could not be written; the earlier checkpoints are intact.
    """
    final, temporary = folder / f"step-{step}", folder / f".step-{step}.part"
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    contents = {
        "tensors.safetensors": safetensors.torch.save(plain),
        "state.json": json.dumps(state).encode(),
    }
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    contents["manifest.json"] = json.dumps(digests).encode()
    try:
        for partial in folder.glob(".step-*.part"):  # left by a killed process
            shutil.rmtree(partial, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name, data in contents.items():
            write_synced(temporary / name, data)
        sync_folder(temporary)
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise save_error(final, error) from error
    write_atomically(folder / "latest", final.name.encode())
    # Checkpoints of later steps must be damaged: otherwise the run would not have resumed from an older one.
    paths = _steps(folder)
    index = paths.index(final)
    for old in (*paths[:index], *paths[index + KEEP :]):
        shutil.rmtree(old, ignore_errors=True)


def load_newest(folder: Path, lost: list[str] | None = None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the tensors and the state of the newest intact checkpoint, or `None` if there are no checkpoints.

    A message is appended to ``lost`` for each newer checkpoint that is damaged, and for one that ``latest`` names but
    that is missing.

    Raises:
        RunError: all checkpoints are damaged.
    """
    paths = _steps(folder)
    lost = [] if lost is None else lost
    newest, named = _step(paths[0]) if paths else -1, _latest(folder)
    if named is not None and _step(named) > newest:
        lost.append(f"{named} is missing")
    for path in paths:
        loaded = _load(path)
        if loaded is not None:
            return loaded
        lost.append(f"{path} is damaged")
    if paths:
        raise RunError(f"every checkpoint in {folder} is damaged; restore one from a backup or train a new run")
    return None


def has_any(folder: Path) -> bool:
    """Whether the folder has checkpoints, intact or damaged."""
    return bool(_steps(folder))


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the state of one checkpoint, given its folder ``step-N``.

    Raises:
        RunError: the checkpoint is damaged.
    """
    loaded = _load(path)
    if loaded is None:
        raise RunError(f"the checkpoint {path} is damaged; use another checkpoint, or the model of the run")
    return loaded


def is_checkpoint(path: Path) -> bool:
    """Whether a folder was written by `save`; it may be damaged."""
    return _numbered(path) and (path / "manifest.json").is_file()


def load_every(folder: Path) -> list[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Return all intact checkpoints, oldest first."""
    return [loaded for path in reversed(_steps(folder)) if (loaded := _load(path)) is not None]


def peek(folder: Path) -> dict[str, Any] | None:
    """Return the newest readable ``state.json``, without loading tensors or verifying digests; `None` if none."""
    for path in _steps(folder):
        try:
            state = json.loads((path / "state.json").read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(state, dict):
            return state
    return None


def _steps(folder: Path) -> list[Path]:
    """Return the checkpoint folders, newest first."""
    if not folder.is_dir():
        return []
    return sorted(filter(_numbered, folder.iterdir()), key=_step, reverse=True)


def _latest(folder: Path) -> Path | None:
    """Return the checkpoint that ``latest`` names; `None` if it names none."""
    try:
        path = folder / (folder / "latest").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return path if path.parent == folder and _numbered(path) else None


def _numbered(path: Path) -> bool:
    return path.name.startswith("step-") and path.name[5:].isdecimal()


def _step(path: Path) -> int:
    return int(path.name[5:])


def _load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and state; `None` if a file is missing or its digest does not match."""
    try:
        digests = json.loads((path / "manifest.json").read_bytes())
        contents = {name: (path / name).read_bytes() for name in ("tensors.safetensors", "state.json")}
        if any(hashlib.sha256(data).hexdigest() != digests.get(name) for name, data in contents.items()):
            return None
        return safetensors.torch.load(contents["tensors.safetensors"]), json.loads(contents["state.json"])
    except (OSError, ValueError, AttributeError, safetensors.SafetensorError):
        return None

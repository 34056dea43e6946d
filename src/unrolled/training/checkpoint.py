"""Checkpoints: everything a run needs to go on as if it had never stopped.

checkpoints/step-N/tensors.safetensors   weights, average, optimiser, carried state, random generators
checkpoints/step-N/state.json            step, best loss, schedule, offset into metrics.jsonl
checkpoints/step-N/manifest.json         SHA-256 of the two
checkpoints/latest                       the name of the newest complete one
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
    """Write ``folder/step-N`` whole or not at all, point to it, and drop all but the newest two.

    Raises:
        SaveError: it could not be written; the earlier checkpoints stand.
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
        for left in folder.glob(".step-*.part"):  # by a save that was killed
            shutil.rmtree(left, ignore_errors=True)
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
    # Later steps can only be damaged: the run went back to an older checkpoint because of it.
    found = _steps(folder)
    at = found.index(final)
    for old in (*found[:at], *found[at + KEEP :]):
        shutil.rmtree(old, ignore_errors=True)


def load_newest(folder: Path, lost: list[str] | None = None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint that verifies, or `None` if there is none at all.

    Newer ones that are damaged, or that ``latest`` names and that are missing, are added to ``lost``, in words.

    Raises:
        RunError: there are checkpoints, but every one of them is damaged.
    """
    found = _steps(folder)
    lost = [] if lost is None else lost
    newest, named = _step(found[0]) if found else -1, _latest(folder)
    if named is not None and _step(named) > newest:
        lost.append(f"{named} is missing")
    for path in found:
        loaded = _load(path)
        if loaded is not None:
            return loaded
        lost.append(f"{path} is damaged")
    if found:
        raise RunError(f"every checkpoint in {folder} is damaged; restore one from a backup or train anew")
    return None


def has_any(folder: Path) -> bool:
    """Whether there are checkpoints, whole or damaged."""
    return bool(_steps(folder))


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """One checkpoint, by its folder ``step-N``.

    Raises:
        RunError: it is damaged.
    """
    loaded = _load(path)
    if loaded is None:
        raise RunError(f"the checkpoint {path} is damaged; take another, or the run's model")
    return loaded


def is_checkpoint(path: Path) -> bool:
    """Whether a folder is one of `save`, whole or damaged."""
    return _numbered(path) and (path / "manifest.json").is_file()


def load_every(folder: Path) -> list[tuple[dict[str, Tensor], dict[str, Any]]]:
    """The checkpoints that verify, oldest first."""
    return [loaded for path in reversed(_steps(folder)) if (loaded := _load(path)) is not None]


def peek(folder: Path) -> dict[str, Any] | None:
    """The numbers of the newest checkpoint that has readable ones, without its tensors and unverified."""
    for path in _steps(folder):
        try:
            state = json.loads((path / "state.json").read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(state, dict):
            return state
    return None


def _steps(folder: Path) -> list[Path]:
    """Checkpoint folders, newest first."""
    if not folder.is_dir():
        return []
    return sorted(filter(_numbered, folder.iterdir()), key=_step, reverse=True)


def _latest(folder: Path) -> Path | None:
    """The checkpoint that ``latest`` names; `None` if it names none."""
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
    """Its tensors and state; `None` if a byte of it is missing or altered."""
    try:
        digests = json.loads((path / "manifest.json").read_bytes())
        contents = {name: (path / name).read_bytes() for name in ("tensors.safetensors", "state.json")}
        if any(hashlib.sha256(data).hexdigest() != digests.get(name) for name, data in contents.items()):
            return None
        return safetensors.torch.load(contents["tensors.safetensors"]), json.loads(contents["state.json"])
    except (OSError, ValueError, AttributeError, safetensors.SafetensorError):
        return None

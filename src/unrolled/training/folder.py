"""A run's folder: where its config, model, checkpoints, metrics and previews lie."""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError, SaveError
from .files import write_atomically


@dataclass(frozen=True)
class RunFolder:
    """``runs/NAME/`` and the names in it."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def model(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def previews(self) -> Path:
        return self.path / "previews"

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """A new run's folder.

        Raises:
            RunError: there is a run at ``path`` already.
            SaveError: it cannot be made.
        """
        folder = cls(path)
        if folder.config.exists():
            raise RunError(f"{path} holds a run already; go on with it: unrolled resume {path}, or name another folder")
        try:
            for part in (folder.path, folder.checkpoints, folder.previews):
                part.mkdir(parents=True, exist_ok=True)
            probe = folder.path / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            reason = error.strerror or error
            raise SaveError(f"cannot make a run in {path}: {reason}; name another folder with --run") from error
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run's folder.

        Raises:
            RunError: it is none.
        """
        folder = cls(path)
        if not path.is_dir():
            raise RunError(f"{path} is not a folder; list your runs with: unrolled runs")
        if not folder.config.is_file():
            raise RunError(f"{path} is not a run: it has no config.toml; list your runs with: unrolled runs")
        return folder

    def discard_unused(self) -> None:
        """Take away the empty folders of a run that never began."""
        if not self.config.exists():
            for part in (self.previews, self.checkpoints, self.path):
                with contextlib.suppress(OSError):  # not empty
                    part.rmdir()

    def write_config(self, text: str) -> None:
        write_atomically(self.config, text.encode())

    def write_preview(self, step: int, text: str) -> None:
        write_atomically(self.previews / f"step-{step:07d}.txt", text.encode())


def new_path(parent: Path, stem: str) -> Path:
    """The first of ``parent/stem-1``, ``parent/stem-2``… that is free."""
    return next(p for n in itertools.count(1) if not (p := parent / f"{stem}-{n}").exists())


def runs_folder() -> Path:
    """Where runs are kept: the environment variable ``UNROLLED_RUNS``, or ``runs`` here."""
    return Path(os.environ.get("UNROLLED_RUNS", "runs"))

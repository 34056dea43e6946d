"""A run's folder: where its config, model, checkpoints, metrics and previews lie."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError, SaveError
from ..results import Drawing, Part, Picture, Text
from . import checkpoint, lock
from .files import distinct, save_error, write_atomically

_ODD = r"[^\w.-]"  # characters of a part's name that its file's has not


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

    @property
    def trainer(self) -> str:
        """Who trains here now, see `lock.holder`."""
        return lock.holder(self.path)

    @classmethod
    @contextlib.contextmanager
    def new(cls, path: Path) -> Iterator[RunFolder]:
        """A new run's folder, in which nobody else trains meanwhile; taken away if the run never began.

        Raises:
            RunError: there is a run at ``path`` already, or somebody else begins one there now.
            SaveError: it cannot be made.
        """
        folder = cls(path)
        folder._refuse_taken()
        try:
            with contextlib.ExitStack() as stack:
                while True:
                    try:
                        path.mkdir(parents=True, exist_ok=True)
                    except OSError as error:
                        raise _unmakable(path, error) from error
                    with contextlib.suppress(FileNotFoundError):  # whoever gave up here has just taken it away
                        stack.enter_context(lock.held(path))
                        break
                stack.callback(folder.discard_unused)
                yield cls.create(path)
        finally:
            if not folder.config.exists():
                with contextlib.suppress(OSError):  # not empty
                    path.rmdir()

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """A new run's folder.

        Raises:
            RunError: there is a run at ``path`` already.
            SaveError: it cannot be made.
        """
        folder = cls(path)
        folder._refuse_taken()
        try:
            folder._complete()
        except OSError as error:
            raise _unmakable(path, error) from error
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
            if who := folder.trainer:
                raise RunError(
                    f"{path} is no run yet: its training is being prepared by {who}; wait until it has begun"
                )
            raise RunError(f"{path} is not a run: it has no config.toml; list your runs with: unrolled runs")
        return folder

    @contextlib.contextmanager
    def resumed(self) -> Iterator[None]:
        """Within it this run can be gone on with, and by nobody else.

        Raises:
            RunError: somebody trains it now.
            SaveError: something in it cannot be written.
        """
        with lock.held(self.path):
            try:
                self._complete()
            except OSError as error:
                raise save_error(Path(error.filename or self.path), error) from error
            yield

    def refuse_lost(self) -> None:
        """Raise `RunError` if there is no checkpoint to go on from, but what training from step 0 would write over."""
        kept = self._results()
        if kept and not checkpoint.has_any(self.checkpoints):
            raise RunError(
                f"{self.path} has no checkpoint to go on from, and beginning anew would write over its "
                f"{' and '.join(kept)}; put {self.checkpoints} back from a backup, or train another run with the same "
                f"options: unrolled train --recipe {self.config} --run FOLDER"
            )

    def discard_unused(self) -> None:
        """Take away the empty folders of a run that never began."""
        if not self.config.exists():
            with contextlib.suppress(OSError):
                if not self.metrics.stat().st_size:
                    self.metrics.unlink()
            for part in (self.previews, self.checkpoints, self.path):
                with contextlib.suppress(OSError):  # not empty
                    part.rmdir()

    def _refuse_taken(self) -> None:
        if self.config.exists():
            raise RunError(
                f"{self.path} holds a run already; go on with it: unrolled resume {self.path}, or name another folder"
            )
        if self._results() or checkpoint.has_any(self.checkpoints):
            raise RunError(
                f"{self.path} holds a run that has lost its config.toml; put that back from a backup, or name another "
                "folder"
            )

    def _results(self) -> list[str]:
        """What training has left here besides checkpoints."""
        return [path.name for path in (self.model, self.metrics) if path.exists() and path.stat().st_size]

    def _complete(self) -> None:
        """Make the folders that are missing; raise `OSError` if something in them cannot be written."""
        for part in (self.path, self.checkpoints, self.previews):
            part.mkdir(parents=True, exist_ok=True)
            probe = part / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        for file in (self.config, self.model, self.metrics, self.checkpoints / "latest"):
            if file.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))

    def write_config(self, text: str) -> None:
        write_atomically(self.config, text.encode())

    def write_preview(self, step: int, preview: str | Sequence[Part]) -> str:
        """Write a preview's text, and the files of its parts beside it under their names after the step's.

        Returns:
            The text to show: the preview's, with the path of a picture in the place of each picture.
        """
        self.previews.mkdir(exist_ok=True)
        stem = f"step-{step:07d}"
        kept, told, taken = list[str](), list[str](), set[str]()  # the text of the file, and the text to show
        for part in [Text(preview)] if isinstance(preview, str) else preview:
            files = part.files()
            names = [f"{stem}-{distinct(re.sub(_ODD, '-', given), taken)}" for given in files]
            for name, data in zip(names, files.values(), strict=True):
                write_atomically(self.previews / name, data)
            if isinstance(part, Picture | Drawing):
                kept.append(f"{part.title or part.name}: {names[0]}")
                told.append(f"{part.title or part.name}: {self.previews / names[0]}")
            else:
                kept.append(part.plain())
                told.append(kept[-1])
        write_atomically(self.previews / f"{stem}.txt", "\n".join(kept).encode())
        return "\n".join(told)


def _unmakable(path: Path, error: OSError) -> SaveError:
    return SaveError(f"cannot make a run in {path}: {error.strerror or error}; name another folder with --run")


def new_path(parent: Path, stem: str) -> Path:
    """The first of ``parent/stem-1``, ``parent/stem-2``… that is free."""
    return next(p for n in itertools.count(1) if not (p := parent / f"{stem}-{n}").exists())


def reserve(parent: Path, stem: str) -> Path:
    """`new_path`, as an empty folder that is nobody else's.

    Raises:
        SaveError: it cannot be made.
    """
    while True:
        path = new_path(parent, stem)
        try:
            path.mkdir(parents=True)
            return path
        except OSError as error:
            if not path.is_dir():  # else another process was faster: take the next
                raise _unmakable(path, error) from error


def runs_folder() -> Path:
    """Where runs are kept: the environment variable ``UNROLLED_RUNS``, or ``runs`` here."""
    return Path(os.environ.get("UNROLLED_RUNS", "runs"))

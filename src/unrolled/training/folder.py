"""The folder of a run: config, model, checkpoints, metrics and previews."""

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
from ..results import Animation, Drawing, Part, Picture, Text
from . import checkpoint, lock
from .files import distinct, save_error, write_atomically

_UNSAFE = r"[^\w.-]"  # characters replaced in file names


@dataclass(frozen=True)
class RunFolder:
    """The paths in ``runs/NAME/``."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def model(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def start(self) -> Path:
        """A copy of the model that training starts from, if any."""
        return self.path / "start.safetensors"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def curve(self) -> Path:
        """The picture of the learning curve; it may be missing."""
        return self.path / "curve.svg"

    @property
    def rates(self) -> Path:
        """The picture of the learning rate range test; it may be missing."""
        return self.path / "lr.svg"

    @property
    def previews(self) -> Path:
        return self.path / "previews"

    @property
    def data(self) -> Path:
        """The folder of data that were given in Python, if there are any."""
        return self.path / "data"

    @property
    def trainer(self) -> str:
        """The process that is training in this folder, as text; see `lock.holder`."""
        return lock.holder(self.path)

    @classmethod
    @contextlib.contextmanager
    def new(cls, path: Path) -> Iterator[RunFolder]:
        """Create and lock the folder of a new run; remove it again if the run never started.

        Raises:
            RunError: ``path`` already holds a run, or another process is starting one there.
            SaveError: the folder cannot be created.
        """
        folder = cls(path)
        folder._refuse_taken()
        try:
            with contextlib.ExitStack() as stack:
                while True:
                    try:
                        path.mkdir(parents=True, exist_ok=True)
                    except OSError as error:
                        raise _creation_error(path, error) from error
                    with contextlib.suppress(FileNotFoundError):  # another process gave up and removed the folder
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
        """Create the folder of a new run.

        Raises:
            RunError: ``path`` already holds a run.
            SaveError: the folder cannot be created.
        """
        folder = cls(path)
        folder._refuse_taken()
        try:
            folder._complete()
        except OSError as error:
            raise _creation_error(path, error) from error
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open the folder of an existing run.

        Raises:
            RunError: ``path`` is not the folder of a run.
        """
        folder = cls(path)
        if not path.is_dir():
            raise RunError(f"{path} is not a folder; list your runs with: unrolled runs")
        if not folder.config.is_file():
            if owner := folder.trainer:
                raise RunError(
                    f"{path} is not a run yet: its training is being prepared by {owner}; wait until it has started"
                )
            if folds := sorted(path.glob("fold-*/config.toml")):
                raise RunError(
                    f"{path} is a cross-validation, a folder with a run for each fold; name one of them, such as "
                    f"{folds[0].parent}, or train the final model: the same command without --folds"
                )
            raise RunError(f"{path} is not a run: it has no config.toml; list your runs with: unrolled runs")
        return folder

    @contextlib.contextmanager
    def resumed(self) -> Iterator[None]:
        """Lock the run for resuming.

        Raises:
            RunError: another process is training the run.
            SaveError: a file in the folder cannot be written.
        """
        with lock.held(self.path):
            try:
                self._complete()
            except OSError as error:
                raise save_error(Path(error.filename or self.path), error) from error
            yield

    def refuse_lost(self) -> None:
        """Raise `RunError` if there is no checkpoint to resume from and training anew would overwrite results."""
        results = self._results()
        if results and not checkpoint.has_any(self.checkpoints):
            raise RunError(
                f"{self.path} has no checkpoint to resume from, and training from step 0 would overwrite its "
                f"{' and '.join(results)}; restore {self.checkpoints} from a backup, or train a new run with the same "
                f"options: unrolled train --recipe {self.config} --run FOLDER"
            )

    def discard_unused(self) -> None:
        """Remove the empty folders of a run that never started."""
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
                f"{self.path} already holds a run; continue it with: unrolled resume {self.path}, or use another folder"
            )
        if self._results() or checkpoint.has_any(self.checkpoints):
            raise RunError(
                f"{self.path} holds a run without config.toml; restore that file from a backup, or name another folder"
            )

    def _results(self) -> list[str]:
        """Return the names of the result files here, without checkpoints."""
        return [path.name for path in (self.model, self.metrics) if path.exists() and path.stat().st_size]

    def _complete(self) -> None:
        """Create missing folders; raise `OSError` if a file in them cannot be written."""
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
        """Write the text of a preview, and the files of its parts, prefixed with the step.

        Returns:
            The text to show, with the path of its file in place of each picture.
        """
        self.previews.mkdir(exist_ok=True)
        stem = f"step-{step:07d}"
        saved, shown, taken = list[str](), list[str](), set[str]()
        for part in [Text(preview)] if isinstance(preview, str) else preview:
            files = part.files()
            names = [f"{stem}-{distinct(re.sub(_UNSAFE, '-', name), taken)}" for name in files]
            for name, data in zip(names, files.values(), strict=True):
                write_atomically(self.previews / name, data)
            if isinstance(part, Picture | Drawing | Animation):
                saved.append(f"{part.title or part.name}: {names[0]}")
                shown.append(f"{part.title or part.name}: {self.previews / names[0]}")
            else:
                saved.append(part.plain())
                shown.append(saved[-1])
        write_atomically(self.previews / f"{stem}.txt", "\n".join(saved).encode())
        return "\n".join(shown)


def _creation_error(path: Path, error: OSError) -> SaveError:
    return SaveError(f"cannot create a run in {path}: {error.strerror or error}; name another folder with --run")


def new_path(parent: Path, stem: str) -> Path:
    """Return the first of ``parent/stem-1``, ``parent/stem-2``… that does not exist."""
    return next(p for n in itertools.count(1) if not (p := parent / f"{stem}-{n}").exists())


def reserve(parent: Path, stem: str) -> Path:
    """Create the folder `new_path`, safely against concurrent processes.

    Raises:
        SaveError: the folder cannot be created.
    """
    while True:
        path = new_path(parent, stem)
        try:
            path.mkdir(parents=True)
            return path
        except OSError as error:
            if not path.is_dir():  # otherwise another process was faster: try the next name
                raise _creation_error(path, error) from error


def runs_folder() -> Path:
    """Return the folder of all runs: the environment variable ``UNROLLED_RUNS``, or ``runs``."""
    return Path(os.environ.get("UNROLLED_RUNS", "runs"))

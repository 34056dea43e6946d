"""Clips decoded once: all frames of many clips, at one size and rate, in files of the cache.

    ENTRY/frames-0.bin, …     the frames of clips one after the other, uint8; a file for each thread that decoded
    ENTRY/index.npy           for each clip: the file, the offset of its first byte, and its number of frames
    ENTRY/rates.npy           the frames per second of each clip's file; NaN: it has no times
    ENTRY/skipped.json        clips that could not be read: number and reason

Frames are written as they are decoded, and a clip is mapped into memory while it is used, so that memory grows neither
with the length of a clip nor with the number of clips.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..machine.cores import cores
from ..results import Progress, silent
from .clip_codecs import Decoding
from .clip_files import frame_files
from .clip_frames import LIMITS, ClipLimits, OpenClip, arranged
from .clips import check_form, open_clip
from .derived import bound, derived
from .pictures import Fit, Pixels

VERSION = 1  # of the entries of the cache
WHOLE = 8 << 20  # bytes: longer files are identified by samples
FEW = 100  # clips, up to which their frames are counted for the progress
SAMPLES, SAMPLE = 64, 1 << 16  # number and bytes of the samples
BUFFER = 1 << 20  # bytes of a thread that are written together

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClipForm:
    """The form that clips are decoded to.

    Attributes:
        size: height and width.
        rate: frames per second; `None`: all frames, at the clip's own rate.
        channels: 1 (grey) or 3 (RGB).
        fit: how other aspect ratios are fitted, see pictures.py.
    """

    size: tuple[int, int]
    rate: Fraction | None = None
    channels: int = 3
    fit: Fit = "crop"


class ClipStore:
    """Clips of files, decoded once.

    Args:
        paths: the files and folders.
        form: what they are decoded to.
        skip: omit clips that cannot be read, instead of an error.
        limits: what is refused.
        progress: shows the progress of decoding.

    Attributes:
        paths: the files of the clips that were read.
        kept: for each clip its number in the given paths.
        skipped: the files that were omitted, with the reason.
        lengths: the number of frames of each clip.
        rates: the frames per second of each file; NaN: it has no times.
        digests: a digest of each file.

    Raises:
        DataError: a clip cannot be read (the message says up to which frame), or all of them, or the frames take more
            than the cache may hold.
        RunError: a clip is a video, and PyAV is not installed.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        form: ClipForm,
        *,
        skip: bool = False,
        limits: ClipLimits = LIMITS,
        progress: Progress = silent,
    ) -> None:
        check_form(form.size, form.rate, form.channels)
        self.form = form
        digests = [digest_of(path) for path in paths]
        key = {
            **asdict(form),
            "rate": str(form.rate),
            "files": hashlib.sha256(" ".join(digests).encode()).hexdigest(),
            "skip": skip,
            "limits": asdict(limits),
            "version": VERSION,
        }
        decoding = _Decoding(paths, form, skip, limits)
        self.folder = derived("clips", key, lambda folder: decoding.write(folder, progress))
        self._index: Integers = np.load(self.folder / "index.npy", allow_pickle=False)
        omitted = dict(json.loads((self.folder / "skipped.json").read_text(encoding="utf-8")))
        self.skipped = [(paths[int(number)], reason) for number, reason in omitted.items()]
        self.kept = [number for number in range(len(paths)) if str(number) not in omitted]
        self.paths = [paths[number] for number in self.kept]
        self.digests = [digests[number] for number in self.kept]
        self.lengths: Integers = self._index[:, 2]
        self.rates: npt.NDArray[np.float64] = np.load(self.folder / "rates.npy", allow_pickle=False)

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, number: int) -> Pixels:
        file, offset, length = self._index[number].tolist()
        shape = (length, *self.form.size, self.form.channels)
        return np.memmap(self.folder / f"frames-{file}.bin", np.uint8, "r", offset, shape)

    def digest(self) -> str:
        """Return a digest of the files and of their form."""
        text = " ".join([*self.digests, repr(self.form)])
        return hashlib.sha256(text.encode()).hexdigest()


def digest_of(path: Path) -> str:
    """Return a digest of the contents of a clip: of a file up to 8 MiB its bytes, of a longer one its length and 64
    evenly spaced parts, of a folder its frames.

    Raises:
        DataError: it cannot be read.
    """
    found = hashlib.blake2b(digest_size=16)
    for file in frame_files(path) if path.is_dir() else [path]:
        try:
            with file.open("rb") as opened:
                size = opened.seek(0, 2)
                found.update(size.to_bytes(8, "big"))
                whole = size <= WHOLE
                count, length = (1, WHOLE) if whole else (SAMPLES, SAMPLE)
                for at in np.linspace(0, 0 if whole else size - SAMPLE, count).astype(int).tolist():
                    opened.seek(at)
                    found.update(opened.read(length))
        except (OSError, ValueError) as error:  # ValueError: a character 0 in the path
            raise DataError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
    return found.hexdigest()


class _Full(DataError):
    """The frames take more than the cache may hold."""


class _Decoding:
    """Decodes clips with several threads, each of which writes a file."""

    def __init__(self, paths: Sequence[Path], form: ClipForm, skip: bool, limits: ClipLimits) -> None:
        self.paths, self.form, self.skip, self.limits = paths, form, skip, limits
        self.index = np.zeros((len(paths), 3), np.int64)
        self.rates = np.full(len(paths), np.nan)
        self.failed: dict[int, DataError] = {}
        self.stopped = False
        self.written = 0  # bytes
        self.lock = threading.Lock()
        self.most = bound()

    def write(self, folder: Path, progress: Progress) -> None:
        """Write the entry of the cache.

        Raises:
            DataError, RunError: see `ClipStore`.
        """
        expected = self._expected() if len(self.paths) <= FEW else 0
        with progress(expected or len(self.paths), "frames" if expected else "clips") as done:
            self._decode(folder, _Counter(done, expected))
        if self.failed and (not self.skip or len(self.failed) == len(self.paths)):
            raise self._error()
        read = [number for number in range(len(self.paths)) if number not in self.failed]
        np.save(folder / "index.npy", self.index[read])
        np.save(folder / "rates.npy", self.rates[read])
        skipped = [(str(number), str(error)) for number, error in sorted(self.failed.items())]
        (folder / "skipped.json").write_text(json.dumps(skipped), encoding="utf-8")

    def _expected(self) -> int:
        """Return about how many frames all clips have; 0: not known."""
        total = 0
        for path in self.paths:
            with contextlib.suppress(DataError), open_clip(path, limits=self.limits) as clip:
                if not clip.count:
                    return 0
                total += int(clip.count * self._share(clip))
        return total

    def _share(self, clip: OpenClip) -> float:
        """Return how many frames are made of one of a clip."""
        return float(self.form.rate / clip.rate) if self.form.rate and clip.rate else 1.0

    def _decode(self, folder: Path, counter: _Counter) -> None:
        workers = max(1, min(cores().threads, len(self.paths)))
        threads = max(1, cores().threads // workers)  # of the decoder of a single long film
        numbers = iter(range(len(self.paths)))
        with ThreadPoolExecutor(workers) as pool:
            works = [
                pool.submit(self._work, folder / f"frames-{file}.bin", file, numbers, threads, counter)
                for file in range(workers)
            ]
            for work in works:
                work.result()

    def _work(self, target: Path, file: int, numbers: Iterator[int], threads: int, counter: _Counter) -> None:
        with target.open("wb", BUFFER) as out, self._stopping():
            while (number := self._next(numbers)) is not None:
                begin = out.tell()
                try:
                    self._one(number, out, threads, counter)
                except _Full:
                    raise
                except DataError as error:
                    with self.lock:
                        self.failed[number] = error
                    out.seek(begin)
                    out.truncate()
                else:
                    self.index[number, :2] = file, begin
                counter.clip()

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        """Let all threads stop after an error that concerns all clips."""
        try:
            yield
        except BaseException:
            self.stopped = True
            raise

    def _next(self, numbers: Iterator[int]) -> int | None:
        """Return the number of the next clip; `None` at the end, or after an error."""
        with self.lock:
            return None if self.stopped or (self.failed and not self.skip) else next(numbers, None)

    def _one(self, number: int, out: IO[bytes], threads: int, counter: _Counter) -> None:
        form, length = self.form, 0
        how = Decoding(form.size, form.channels == 1, threads)
        with open_clip(self.paths[number], "", self.limits, how) as clip:
            for pixels in arranged(clip, form.size, form.rate, form.channels, form.fit, self.limits):
                out.write(pixels.data)
                length += 1
                self._check_room(pixels.nbytes)
                counter.frame()
        self.index[number, 2] = length
        self.rates[number] = float(clip.rate) if clip.rate else np.nan

    def _check_room(self, more: int) -> None:
        with self.lock:
            self.written += more
            if self.written <= self.most:
                return
        raise _Full(
            f"the frames of {len(self.paths):,} clips take more than the cache may hold, {self.most / 1e9:.3g} GB; "
            "give a lower size or rate, or a larger UNROLLED_CACHE_SIZE"
        )

    def _error(self) -> DataError:
        """Return the error of the first clip that failed."""
        error = self.failed[min(self.failed)]
        if self.skip:
            return DataError(f"none of {len(self.paths):,} clips can be read; the first: {error}")
        return DataError(f"{error}; --damaged skip omits it") if len(self.paths) > 1 else error


class _Counter:
    """Shows the number of decoded frames if their total is known, else that of clips."""

    def __init__(self, done: Callable[[int], None], frames: int) -> None:
        self.done, self.frames, self.count = done, frames, 0
        self.lock = threading.Lock()

    def clip(self) -> None:
        """Count a clip."""
        if not self.frames:
            self._add()

    def frame(self) -> None:
        """Count a frame; estimates may be too low."""
        if self.count < self.frames:
            self._add()

    def _add(self) -> None:
        with self.lock:
            self.count += 1
            self.done(self.count)

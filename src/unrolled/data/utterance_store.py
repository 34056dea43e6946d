"""Recordings decoded once: the log-mel frames of many recordings, in a file of the cache.

    ENTRY/frames.bin      the frames (T, 40) of the recordings one after the other, float32
    ENTRY/index.npy       for each recording: T, channels and rate of the file, whether silent, clipped samples of 10⁶
    ENTRY/skipped.json    recordings that could not be read: number and reason

The file is mapped into memory, so that memory grows neither with the number of recordings nor with their length.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DataError, abridged
from ..results import Progress, silent
from .audio import Audio
from .derived import bound, derived
from .line_texts import counted
from .log_mel import BANDS, Frames, log_mel
from .resampling import resampled
from .utterance_sources import ListedUtterance

VERSION = 1  # of the entries of the cache
CLIPPED = 1_000  # clipped samples of a million, from which on a recording is named


def frames_of(audio: Audio, rate: int) -> Frames:
    """Return the log-mel frames ``(T, 40)`` of a recording, converted to this rate."""
    return log_mel(resampled(audio.samples, audio.rate, rate), rate)


class UtteranceStore:
    """Recordings, decoded once.

    Args:
        rows: the recordings.
        rate: samples per second that they are converted to.
        skip: omit recordings that cannot be read, instead of an error.
        progress: shows the progress of decoding.

    Attributes:
        kept: the rows that were read.
        digests: a digest of each.
        lengths: T of each ``(N,)``.
        notes: what was converted, skipped, or seems wrong.

    Raises:
        DataError: a recording cannot be read, or all of them, or they take more than the cache may hold.
        RunError: soundfile is needed and not installed.
    """

    def __init__(
        self, rows: Sequence[ListedUtterance], rate: int, *, skip: bool = False, progress: Progress = silent
    ) -> None:
        digests = [row.sound.digest() for row in rows]
        files = hashlib.sha256(" ".join(digests).encode()).hexdigest()
        key = {"files": files, "rate": rate, "skip": skip, "version": VERSION}
        self.folder = derived("speech", key, lambda folder: _write(folder, rows, rate, skip, progress))
        index: npt.NDArray[np.int64] = np.load(self.folder / "index.npy", allow_pickle=False)
        omitted = dict(json.loads((self.folder / "skipped.json").read_text(encoding="utf-8")))
        numbers = [number for number in range(len(rows)) if str(number) not in omitted]
        self.kept = [rows[number] for number in numbers]
        self.digests = [digests[number] for number in numbers]
        self.lengths: npt.NDArray[np.int64] = index[:, 0].copy()
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self._frames: Frames = np.memmap(self.folder / "frames.bin", np.float32, "r").reshape(-1, BANDS)
        self.notes = [f"{len(omitted):,} recordings skipped: {next(iter(omitted.values()))}"] if omitted else []
        self.notes += _notes(index, [row.name for row in self.kept], rate)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: int) -> Frames:
        begin, end = self._offsets[number : number + 2].tolist()
        return self._frames[begin:end]


def _notes(index: npt.NDArray[np.int64], names: list[str], rate: int) -> list[str]:
    """Return notes on what was converted, and on recordings that seem wrong."""
    notes = []
    _, channels, rates, silent_ones, clipped = index.T.tolist()
    if several := [name for name, count in zip(names, channels, strict=True) if count > 1]:
        notes.append(counted("recording", several, "with several channels: mixed to one, their mean", len(names)))
    others = {own: count for own, count in Counter(rates).most_common() if own != rate}
    if others:
        listed = ", ".join(f"{count:,} of {own:,} Hz" for own, count in list(others.items())[:3])
        notes.append(f"recordings converted to {rate:,} Hz: {listed}")
    if quiet := [name for name, flag in zip(names, silent_ones, strict=True) if flag]:
        notes.append(counted("recording", quiet, "without sound; remove them, or check how they were made", len(names)))
    if loud := [name for name, count in zip(names, clipped, strict=True) if count >= CLIPPED]:
        notes.append(counted("recording", loud, "clipped (at full scale again and again)", len(names)))
    return notes


def _write(folder: Path, rows: Sequence[ListedUtterance], rate: int, skip: bool, progress: Progress) -> None:
    """Write the entry of the cache."""
    index: list[tuple[int, int, int, int, int]] = []
    errors: dict[int, str] = {}
    most, written = bound(), 0
    with (folder / "frames.bin").open("wb") as out, progress(len(rows), "recordings") as done:
        for number, row in enumerate(rows):
            try:
                audio = row.sound.audio()
            except DataError as error:
                errors[number] = str(error)
            else:
                frames = frames_of(audio, rate)
                out.write(np.ascontiguousarray(frames).data)
                written += frames.nbytes
                index.append((len(frames), audio.channels, audio.rate, audio.silent, int(1e6 * audio.clipped)))
            if written > most:
                raise DataError(
                    f"the frames of {len(rows):,} recordings take more than the cache may hold, {most / 1e9:.3g} GB; "
                    "give fewer, or a larger UNROLLED_CACHE_SIZE"
                )
            done(number + 1)
    if errors and not (skip and index):
        _raise(list(errors.values()), [rows[number].name for number in errors], bool(index))
    np.save(folder / "index.npy", np.array(index, np.int64).reshape(-1, 5))
    skipped = [(str(number), reason) for number, reason in errors.items()]
    (folder / "skipped.json").write_text(json.dumps(skipped), encoding="utf-8")


def _raise(errors: list[str], names: list[str], some: bool) -> None:
    """Raise the error of the first recording that failed."""
    if not some:
        raise DataError(f"none of {len(errors):,} recordings can be read; the first: {errors[0]}")
    several = f" (one of {len(errors):,}: {abridged(names)})" if len(errors) > 1 else ""
    raise DataError(f"{errors[0]}{several}; --damaged skip omits such recordings")

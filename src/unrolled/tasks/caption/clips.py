"""How a captioner reads clips: the pixels of their frames, or features of each frame.

    cnn           pixels (T, side, side, C), uint8
    photos        features (T, 1, 1, 320), float16: the mean over the grid of EfficientNet-Lite0
    module:Class  features (T, 1, 1, C), float16: the mean over the grid of ``Class()``, see pictures.py

Frames are stretched to a square. Files are decoded once, into the cache, and features are another entry of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...data.captioned import Captioned
from ...data.clip_store import ClipForm, ClipStore
from ...data.clips import check_form, read_clip
from ...data.derived import derived
from ...data.pictures import Pixels, fitted, from_array
from ...errors import DataError
from ...results import Input, Progress, silent
from .config import ClipReading
from .inputs import Array, Frames, ReadClips
from .pictures import AT_ONCE, PictureReader

MOST_BYTES = 1 << 26  # of the frames of a clip to describe: of a longer one every second, fourth, … is kept
VERSION = 1  # of the entries of the cache


class ClipReader:
    """Reads clips for one kind of encoder.

    Args:
        pictures: reads frames.
        options: how clips are read.
        channels: numbers of a pixel: 1 or 3.
    """

    def __init__(self, pictures: PictureReader, options: ClipReading, channels: int) -> None:
        self.pictures, self.options, self.channels = pictures, options, channels

    @property
    def side(self) -> int:
        """Pixels of a side of a frame as it is read."""
        return self.pictures.side

    @property
    def rate(self) -> Fraction | None:
        """Frames per second; `None`: those of the clip."""
        return check_form(None, self.options.rate, self.channels)

    def read(self, clip: Any, name: str = "") -> Pixels:
        """Return the frames ``(T, side, side, C)`` of a file, a folder of frames, the bytes of a file or an array.

        Raises:
            DataError: the clip cannot be read.
        """
        size = (self.side, self.side)
        if isinstance(clip, Path | bytes | Input):
            frames = read_clip(clip, size, self.rate, self.channels, fit="stretch", name=name)
            return np.stack(_some(frames, max(2 * self.options.most_frames, MOST_BYTES // (size[0] * size[1] * 3))))
        array = np.asarray(clip)
        if array.ndim not in (3, 4) or not len(array):
            raise DataError(
                f"{name or 'the clip'} must be an array (T, h, w) or (T, h, w, C) of at least one frame, not of shape "
                f"{array.shape}"
            )
        if array.shape[1:] == (*size, self.channels) and array.dtype == np.uint8:
            return array
        return np.stack([fitted(from_array(frame, name), size, self.channels, fit="stretch") for frame in array])

    def seen(self, clip: Any) -> Pixels:
        """Return the frames that the captioner sees, see `ClipReading.most_frames`."""
        return ReadClips([self.read(clip)], self.options.most_frames)[0]

    def together(self, clips: Sequence[Pixels]) -> ReadClips:
        """Return what the captioner reads of clips that `read` returned."""
        return ReadClips([self._features(clip) for clip in clips], self.options.most_frames)

    def read_all(self, captioned: Captioned, progress: Progress = silent) -> ReadClips:
        """Return what the captioner reads of all clips, from the cache if possible.

        Raises:
            DataError: a clip cannot be read; the message names its file.
        """
        files = [file for file in captioned.pictures if isinstance(file, Path)]
        if not files:
            every = captioned.rate / self.options.rate if self.options.rate else 1.0
            read = self.together([self.read(clip) for clip in captioned.pictures])
            return ReadClips(read.clips, read.most, every)
        form = ClipForm((self.side, self.side), self.rate, self.channels, "stretch")
        store = ClipStore(files, form, progress=progress)
        return ReadClips(self._stored(store, progress), self.options.most_frames)

    def _stored(self, store: ClipStore, progress: Progress) -> Frames:
        """Return the pixels of decoded files, or features of their frames."""
        if self.pictures.extractor is None:
            return store
        key = {"clips": store.folder.name, "kind": self.pictures.kind, "code": self.pictures.code, "version": VERSION}
        folder = derived("clip-features", key, lambda folder: self._write(store, folder, progress))
        features = np.load(folder / "features.npy", mmap_mode="r", allow_pickle=False)
        return np.split(features, np.cumsum(store.lengths)[:-1])

    def _write(self, store: ClipStore, folder: Path, progress: Progress) -> None:
        array, at = None, 0
        with progress(len(store), "clips") as done:
            for number in range(len(store)):
                features = self._features(store[number])
                if array is None:
                    shape = (int(store.lengths.sum()), *features.shape[1:])
                    array = np.lib.format.open_memmap(folder / "features.npy", "w+", features.dtype, shape)
                array[at : at + len(features)] = features
                at += len(features)
                done(number + 1)
        if array is not None:
            array.flush()

    def _features(self, frames: Pixels) -> Array:
        if self.pictures.extractor is None:
            return frames
        parts = (self.pictures.encode(frames[at : at + AT_ONCE]) for at in range(0, len(frames), AT_ONCE))
        grids = [part.astype(np.float32).mean((1, 2), keepdims=True).astype(np.float16) for part in parts]
        return np.concatenate(grids)


def _some(frames: Iterator[Pixels], most: int) -> list[Pixels]:
    """Return the frames, or if there are more than ``most``, every second, fourth, … of them."""
    kept: list[Pixels] = []
    every = 1
    for number, frame in enumerate(frames):
        if number % every == 0:
            kept.append(frame)
        if len(kept) > most:
            kept, every = kept[::2], 2 * every
    return kept

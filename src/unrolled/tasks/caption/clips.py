"""How a captioner reads clips: the pixels of their frames, or features of each frame.

    cnn           pixels (T, side, side, C), uint8
    photos        features (T, 1, 1, 320), float16: the mean over the grid of EfficientNet-Lite0
    module:Class  features (T, 1, 1, C), float16: the mean over the grid of ``Class()``, see pictures.py

Frames are stretched to a square. Files are decoded once, into the cache, and features are another entry of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...data.captioned import Captioned
from ...data.pictures import Pixels, fitted, from_array
from ...errors import DataError
from ...results import Progress, silent
from .config import ClipReading
from .inputs import Array, ReadClips
from .pictures import PictureReader


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

    def read(self, clip: Any, name: str = "") -> Pixels:
        """Return the frames ``(T, side, side, C)`` of a file, a folder of frames, their bytes or an array.

        Raises:
            DataError: the clip cannot be read.
        """
        frames = np.asarray(clip)
        if frames.ndim != 4 or not len(frames):
            raise DataError(f"{name or 'the clip'} must be frames (T, h, w, C), not an array {frames.shape}")
        if frames.shape[1:] == (self.side, self.side, self.channels) and frames.dtype == np.uint8:
            return frames
        size = (self.side, self.side)
        return np.stack([fitted(from_array(frame, name), size, fit="stretch") for frame in frames])

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
        every = captioned.rate / self.options.rate if self.options.rate else 1.0
        read = self.together([self.read(clip) for clip in captioned.pictures])
        return ReadClips(read.clips, read.most, every)

    def _features(self, frames: Pixels) -> Array:
        if self.pictures.extractor is None:
            return frames
        return self.pictures.encode(frames).astype(np.float32).mean((1, 2), keepdims=True).astype(np.float16)

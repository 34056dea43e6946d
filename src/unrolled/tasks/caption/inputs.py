"""What a captioner reads: pictures of one size, or clips of different lengths."""

from __future__ import annotations

from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]  # uint8 pixels or float16 features


class Frames(Protocol):
    """The frames of clips by number, as `ClipStore` or a list of arrays."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> Array: ...


# N pictures or clips, T frames of a clip, F frames of all clips


class ReadClips:
    """Clips: of each the pixels ``(T, h, w, C)`` or the features ``(T, 1, 1, C)`` of its frames.

    Args:
        clips: the clips, such as a store of decoded files.
        most: of a clip with more frames so many are read, evenly spaced.
        every: read every so-many-th frame.
        chosen: the indices of the clips (default: all).
    """

    def __init__(self, clips: Frames, most: int, every: float = 1.0, chosen: Array | None = None) -> None:
        self.clips, self.most, self.every = clips, most, every
        self.chosen = np.arange(len(clips)) if chosen is None else chosen

    def __len__(self) -> int:
        return len(self.chosen)

    @overload
    def __getitem__(self, which: int) -> Array: ...
    @overload
    def __getitem__(self, which: slice | Array) -> ReadClips: ...
    def __getitem__(self, which: int | slice | Array) -> Array | ReadClips:
        """Return the frames of a clip, or some clips."""
        if isinstance(which, int):
            frames = self.clips[int(self.chosen[which])]
            return frames[self._read(len(frames))]
        return ReadClips(self.clips, self.most, self.every, self.chosen[which])

    @property
    def shape(self) -> tuple[int, ...]:
        """N and the shape of a frame: h, w, C."""
        return (len(self), *self[0].shape[1:])

    def frames(self, most: int) -> Array:
        """Return at most ``most`` frames ``(F, h, w, C)``, evenly chosen from all clips."""
        chosen = np.unique(np.linspace(0, len(self) - 1, min(most, len(self))).astype(int))
        few = ReadClips(self.clips, max(1, most // len(chosen)), 1.0, self.chosen[chosen])
        return np.concatenate([few[n] for n in range(len(few))])

    def _read(self, count: int) -> slice | Array:
        """Return the indices of the frames of a clip that are read."""
        if self.every <= 1 and count <= self.most:
            return slice(None)
        wanted = max(1, min(self.most, round(count / self.every)))
        return ((np.arange(wanted) + 0.5) * count / wanted).astype(np.int64)


Read = Array | ReadClips  # pictures (N, h, w, C), or clips


def tensors(read: Read) -> tuple[Tensor, Tensor]:
    """Return pictures ``(N, h, w, C)`` and an empty tensor; or the frames of all clips ``(F, h, w, C)`` and the number
    of each clip's, ``(N,)``."""
    if not isinstance(read, ReadClips):
        return torch.from_numpy(np.array(read)), torch.zeros(0, dtype=torch.int64)
    clips = [read[n] for n in range(len(read))]
    lengths = torch.tensor([len(clip) for clip in clips], dtype=torch.int64)
    return torch.from_numpy(np.concatenate(clips)), lengths


def mean_features(read: Read) -> npt.NDArray[np.float32]:
    """Return a vector for each picture or clip, to compare them with: the mean of its features, or its pixels on an
    8 × 8 grid; of a clip their mean over the frames."""
    if isinstance(read, ReadClips):
        return np.stack([mean_features(read[n]).mean(0) for n in range(len(read))])
    if read.dtype != np.uint8:
        return np.stack([array.astype(np.float32).mean((0, 1)) for array in read])
    step = max(1, read.shape[1] // 8)
    grids = (array[: 8 * step, : 8 * step].reshape(8, step, 8, step, -1) for array in read.astype(np.float32))
    return np.stack([grid.mean((1, 3)).reshape(-1) for grid in grids])

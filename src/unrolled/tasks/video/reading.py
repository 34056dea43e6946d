"""A clip as the model reads it: frame by frame into vectors, with a few frames kept to be drawn.

Frames are encoded in chunks as they are decoded, so that a film of hours takes no more memory than its vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...data.clip_codecs import Decoding
from ...data.clip_frames import LIMITS, OpenClip, arranged
from ...data.clips import check_form, open_clip
from ...data.pictures import Pixels, fitted, from_array
from ...errors import DataError
from ...results import Input, chunked

if TYPE_CHECKING:
    from .trained import TrainedVideo

CHUNK = 512  # frames of a clip that are encoded together
KEPT = 64  # most frames that are kept, evenly spaced

Array = npt.NDArray[Any]


class Clip(NamedTuple):
    """A clip that was read.

    name      what it is called in messages
    vectors   of its frames, ``(T, E)``
    shown     some of its frames, evenly spaced, ``(S, H, W, C)``
    rate      frames per second; 0: unknown
    """

    name: str
    vectors: Tensor
    shown: Pixels
    rate: float


def read(model: TrainedVideo, content: Any, name: str) -> Clip:
    """Return a clip; see `TrainedVideo.predict`.

    Raises:
        DataError: it cannot be read.
    """
    if isinstance(content, Path | bytes | Input):
        data = model.config.data
        with open_clip(content, name, LIMITS, Decoding(data.sides, data.channels == 1, 1)) as opened:
            return of_stream(model, opened, name)
    if isinstance(content, str) or not hasattr(content, "__len__"):
        raise DataError(f"{name} is not a clip; give a path, bytes, or an array (T, height, width) or (T, …, 3)")
    if not len(content):
        raise DataError(f"{name} has no frames; give a clip of at least one")
    return _clip(model, (of_array(model, frame, name) for frame in content), name, model.rate)


def of_stream(model: TrainedVideo, opened: OpenClip, name: str) -> Clip:
    """Return a clip that is open; its rate is changed to that of the training clips."""
    frames, rate = frames_of(model, opened)
    return _clip(model, frames, name, rate)


def frames_of(model: TrainedVideo, opened: OpenClip) -> tuple[Iterator[Pixels], float]:
    """Return the frames ``(H, W, C)`` of an open clip at the size and rate of the model, and that rate (0: unknown)."""
    data = model.config.data
    rate: Fraction | None = check_form(data.sides, model.rate or None, data.channels)
    own = (rate or opened.rate) if opened.rate else None
    return arranged(opened, data.sides, rate, data.channels, data.fit, LIMITS), float(own or 0)


def of_array(model: TrainedVideo, frame: Any, name: str) -> Pixels:
    """Return a frame ``(H, W, C)`` of an array ``(h, w)`` or ``(h, w, C)`` at the size of the model."""
    data = model.config.data
    return fitted(from_array(frame, name), data.sides, data.channels, fit=data.fit)


def _clip(model: TrainedVideo, frames: Iterable[Pixels], name: str, rate: float) -> Clip:
    kept = _Kept()
    chunks = (np.stack(chunk) for chunk in chunked(kept.passing(frames), CHUNK))
    vectors, _ = encoded(model, chunks)
    return Clip(name, vectors, np.stack(kept.frames[:: max(1, -(-len(kept.frames) // KEPT))]), rate)


@torch.no_grad()
def encoded(model: TrainedVideo, chunks: Iterable[Array], single: bool = False) -> tuple[Tensor, Tensor | None]:
    """Return the vectors ``(T, E)`` of the frames of a clip, which come in chunks, and the logits of single frames."""
    vectors, alone, before = [], [], None
    for chunk in chunks:
        part = torch.from_numpy(np.array(chunk)).to(model.device)
        seen = part if before is None else torch.cat([before, part])  # the change of a frame needs the one before it
        e = model.model.frames.encode(seen, torch.tensor([len(seen)], device=model.device))
        vectors.append(e[len(seen) - len(part) :])
        if single and model.model.single is not None:
            alone.append(model.model.single(part))
        before = part[-1:]
    return torch.cat(vectors), torch.cat(alone) if alone else None


class _Kept:
    """Keeps some of the frames that pass, evenly spaced: every one, every second, every fourth …"""

    def __init__(self) -> None:
        self.frames: list[Pixels] = []
        self.every, self.count = 1, 0

    def passing(self, frames: Iterable[Pixels]) -> Iterator[Pixels]:
        for frame in frames:
            if self.count % self.every == 0:
                self.frames.append(frame)
            if len(self.frames) > 2 * KEPT:
                self.frames, self.every = self.frames[::2], 2 * self.every
            self.count += 1
            yield frame

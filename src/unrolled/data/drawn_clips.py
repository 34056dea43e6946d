"""Generated clips, drawn once: their frames in one memory-mapped file of the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL

from .derived import derived
from .pictures import Pixels

BUFFER = 1 << 22  # bytes that are written together


def drawn_clips(kind: str, key: object, count: int, draw: Callable[[int], Pixels]) -> list[Pixels]:
    """Return the frames ``(T, h, w, C)`` of clips 0 … ``count`` − 1, from the cache if possible.

    Args:
        kind: the prefix of the entry's name, see `derived`.
        key: everything that ``draw`` depends on, as JSON data, such as the seed and a version.
        count: the number of clips.
        draw: returns a clip; all have frames of one size.
    """
    whole = {"key": key, "count": count, "numpy": np.__version__, "pillow": PIL.__version__}
    folder = derived(kind, whole, lambda folder: _write(folder, count, draw))
    ends = np.load(folder / "ends.npy", allow_pickle=False)
    shape = tuple(np.load(folder / "shape.npy", allow_pickle=False).tolist())
    frames = np.memmap(folder / "frames.bin", np.uint8, "r", shape=(int(ends[-1]), *shape))
    return np.split(frames, ends[:-1])


def _write(folder: Path, count: int, draw: Callable[[int], Pixels]) -> None:
    ends, end, shape = np.empty(count, np.int64), 0, (0,)
    with (folder / "frames.bin").open("wb", BUFFER) as file:
        for number in range(count):
            frames = draw(number)
            file.write(frames.tobytes())
            ends[number] = end = end + len(frames)
            shape = frames.shape[1:]
    np.save(folder / "ends.npy", ends)
    np.save(folder / "shape.npy", np.array(shape))

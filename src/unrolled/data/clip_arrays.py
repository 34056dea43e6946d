"""Clips in one NumPy file: ``.npy``, which stays on disk and is mapped into memory, or ``.npz`` with one such array.

    (N, H, W)                  one clip
    (N, T, H, W)               clips first
    (T, N, H, W)               time first, as in the published test set of Moving MNIST, mnist_test_seq.npy
    …, C  or  …, C, H, W       with C = 1 or 3 channels, last or before the pixels

Time is first if that axis is the shorter one and is long enough for a window, unless the order is given. Values are 0
to 255, or fractions from 0 to 1 (float, bool).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .pictures import Pixels

Order = Literal["auto", "clips-first", "time-first"]
SUFFIXES = (".npy", ".npz")
MOST = 4 << 30  # bytes of an array in a .npz file, which is unpacked into memory
CHANNELS = (1, 3)

# N clips, T frames, H × W pixels, C channels


class ClipArray:
    """Clips of equal length: ``clips[i]`` is uint8 ``(T, H, W, C)``.

    Args:
        values: ``(N, T, H, W, C)``, uint8.
    """

    def __init__(self, values: npt.NDArray[np.uint8]) -> None:
        self.values = values
        self.lengths = [values.shape[1]] * len(values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Pixels:
        return self.values[index]

    @cached_property
    def digests(self) -> list[str]:
        """A digest of each clip; equal clips have equal ones."""
        return [hashlib.blake2b(clip.tobytes(), digest_size=16).hexdigest() for clip in self.values]


def read_clip_array(content: Path | bytes, order: Order = "auto", name: str = "", least: int = 1) -> ClipArray:
    """Open the clips in a NumPy file.

    Args:
        content: the file, or its bytes.
        order: the order of the axes.
        name: its name in messages (default: the path).
        least: frames of a window, which decide the order of the axes.

    Raises:
        DataError: the file cannot be read, or is not an array of clips.
    """
    name = name or (str(content) if isinstance(content, Path) else "the input")
    values = _load(content, name)
    shaped = _with_axes(values, order, name, least)
    if not shaped.size:
        raise DataError(f"{name} has the shape {values.shape}, which has no frames; give clips with frames")
    return ClipArray(_bytes(shaped, name))


def _load(content: Path | bytes, path: str) -> npt.NDArray[Any]:
    def file() -> Any:
        return content if isinstance(content, Path) else io.BytesIO(content)

    try:
        if not zipfile.is_zipfile(file()):
            mode: Any = "r" if isinstance(content, Path) else None
            return np.asarray(np.load(file(), mmap_mode=mode, allow_pickle=False))
        with zipfile.ZipFile(file()) as archive:
            if (size := max((entry.file_size for entry in archive.infolist()), default=0)) > MOST:
                raise DataError(
                    f"{path} declares {size / 2**30:.1f} GiB, more than the limit of {MOST >> 30} GiB; save it as .npy"
                )
        with np.load(file(), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the file") from error
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        pickled = "pickle" in str(error) or "object" in str(error).lower()
        reason = "it holds Python objects, which can run code when they are read" if pickled else str(error)
        raise DataError(f"{path} is not an array of NumPy: {reason}; save clips with np.save") from error
    clips = {name: array for name, array in found.items() if 3 <= array.ndim <= 5}
    if len(clips) != 1:
        names = ", ".join(f"{name} {array.shape}" for name, array in found.items()) or "none"
        raise DataError(f"{path} must have one array of clips of 3 to 5 axes, but its arrays are: {names}")
    return next(iter(clips.values()))


def _bytes(values: npt.NDArray[Any], path: str) -> npt.NDArray[np.uint8]:
    """Return the values as uint8 from 0 to 255; uint8 is not copied."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "biuf":
        raise DataError(f"{path} has values of the type {values.dtype}; give numbers: uint8, or fractions from 0 to 1")
    if values.size > MOST:
        raise DataError(f"{path} has {values.size:,} values of the type {values.dtype}; save so many as uint8")
    most = 255 if values.dtype.kind in "iu" else 1
    found = np.empty(values.shape, np.uint8)
    for n, clip in enumerate(values):
        low, high = float(clip.min()), float(clip.max())
        if not (low >= 0 and high <= most):
            remedy = "divide values of 0 to 255 by 255, or save them as uint8" if most == 1 else "save them as uint8"
            raise DataError(f"{path} has values from {low:g} to {high:g}, and {values.dtype} 0 to {most}; {remedy}")
        found[n] = clip if most == 255 else np.rint(clip * 255.0)
    return found


def _with_axes(values: npt.NDArray[Any], order: Order, path: str, least: int) -> npt.NDArray[Any]:
    """Return an array with the axes (N, T, H, W, C)."""
    if values.ndim == 3:
        return values[None, ..., None]
    if values.ndim == 4 and values.shape[-1] in CHANNELS:
        return values[None]
    if values.ndim not in (4, 5):
        raise DataError(f"{path} has {values.ndim} axes, {values.shape}; give (N, T, H, W) or (N, T, H, W, C)")
    if values.ndim == 4:
        values = values[..., None]
    elif values.shape[-1] not in CHANNELS:
        if values.shape[2] not in CHANNELS:
            raise DataError(f"{path} has the shape {values.shape}; give 1 or 3 channels, as the last axis or the third")
        values = np.moveaxis(values, 2, -1)
    first, second = values.shape[:2]
    auto = least <= first < second
    time_first = order == "time-first" or (order == "auto" and auto)
    return np.swapaxes(values, 0, 1) if time_first else values

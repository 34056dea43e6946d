"""Clips that need no video decoder: animated pictures, folders of frames, and arrays.

    .gif, .webp, .png     the frames of an animation, at the times that the file says; a still picture is one frame
    folder                its pictures in natural order: 1, 2, 10
    .npy, .npz            an array (T, h, w), (T, h, w, 1) or (T, h, w, 3), values as in pictures.py

Folders and arrays have no times, so they are never changed to another rate.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence

from ..errors import DataError
from .clip_codecs import is_video
from .clip_frames import ClipLimits, Frame, OpenClip, check_pixels, damaged
from .natural_order import natural
from .pictures import is_picture, known_formats, open_picture, plain

SUFFIXES = (".gif", ".npy", ".npz", ".y4m")
"""the endings of files that are clips, besides those of videos"""
MOST_HEADER = 10_000  # bytes of the header of an array
MOST_BYTES = 2 << 30  # of an array that is read into memory
SHORTEST, USUAL = 20, 100  # milliseconds: frames of an animation that are shorter are shown as long as this
UNTIMED = Fraction(0)

Array = npt.NDArray[Any]


def frame_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder in natural order; empty if they are no frames of a clip: it has other folders,
    or files that are clips themselves."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    if any(entry.suffix.lower() in SUFFIXES or is_video(entry) or entry.is_dir() for entry in entries):
        return []
    return sorted(filter(is_picture, entries), key=natural)


def open_folder(folder: Path, least: tuple[int, int] | None) -> OpenClip:
    """Open a folder of frames; ``least``: height and width that are needed.

    Raises:
        DataError: it has no pictures.
    """
    files = frame_files(folder)
    if not files:
        raise DataError(f"{folder} has no frames; give a folder with a picture for each frame, or a file")
    frames = (Frame(UNTIMED, UNTIMED, partial(open_picture, path, least=least or _sides(files[0]))) for path in files)
    return OpenClip(str(folder), frames, count=len(files))


def open_animation(file: IO[bytes], title: str, limits: ClipLimits) -> OpenClip:
    """Open an animated or a still picture.

    Raises:
        DataError: it is no picture, damaged, or its frames exceed a limit.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on metadata
            picture = Image.open(file, formats=known_formats())
    except Exception as error:  # decoders raise exceptions of many kinds
        raise damaged(title, 0, error) from error
    check_pixels(title, *picture.size, limits)
    first = int(picture.info.get("duration") or 0)
    rate = Fraction(1000, first if first >= SHORTEST else USUAL)
    return OpenClip(title, _animated(picture, title), rate if getattr(picture, "is_animated", False) else None)


def open_array(file: IO[bytes], title: str, limits: ClipLimits) -> OpenClip:
    """Open the array of an ``.npy`` file, or the single one of an ``.npz`` file.

    Raises:
        DataError: the file is damaged, holds something else, or exceeds a limit.
    """
    try:
        packed = zipfile.is_zipfile(file)
        file.seek(0)
        array = _packed(file, title, limits) if packed else _loaded(file, title, limits)
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile raise exceptions of many kinds
        raise damaged(title, 0, error) from error
    return array_clip(array, title)


def array_clip(array: Array, title: str) -> OpenClip:
    """Return a clip of an array ``(T, h, w)``, ``(T, h, w, 1)`` or ``(T, h, w, 3)``.

    Raises:
        DataError: the array has another shape or other values.
    """
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)) or 0 in array.shape[1:]:
        raise DataError(f"{title} has shape {array.shape}; give (frames, height, width), (…, 1) or (…, 3)")
    if array.ndim == 3 and array.shape[2] in (1, 3) and array.shape[1] > 3:
        raise DataError(f"{title} has shape {array.shape}, a single picture; give (frames, height, width, channels)")
    factor, top = _scale(array, title)
    frames = (Frame(UNTIMED, UNTIMED, partial(_of_array, picture, factor, top, title)) for picture in array)
    return OpenClip(title, frames, count=len(array))


def _sides(path: Path) -> tuple[int, int]:
    picture = open_picture(path)
    return picture.height, picture.width


def _animated(picture: Image.Image, title: str) -> Iterator[Frame]:
    at, read = Fraction(0), 0
    try:
        for image in ImageSequence.Iterator(picture):
            image.load()
            read += 1
            duration = int(image.info.get("duration") or 0)
            lasts = Fraction(duration if duration >= SHORTEST else USUAL, 1000)
            yield Frame(at, lasts, partial(plain, image.copy(), title))
            at += lasts
    except DataError:
        raise
    except Exception as error:  # decoders raise exceptions of many kinds
        raise damaged(title, read, error) from error


def _loaded(file: IO[bytes], title: str, limits: ClipLimits) -> Array:
    """Return an array, memory-mapped if it is a file."""
    if isinstance(getattr(file, "name", None), str):
        array = np.lib.format.open_memmap(file.name, mode="r", max_header_size=MOST_HEADER)
        _check(array.shape, array.dtype, title, limits)
        return array
    _peek(file, title, limits)
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False, max_header_size=MOST_HEADER)


def _packed(file: IO[bytes], title: str, limits: ClipLimits) -> Array:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        chosen = next((name for name in names if name in ("frames.npy", "clip.npy", "video.npy")), None)
        if chosen is None and len(names) != 1:
            held = ", ".join(name.removesuffix(".npy") for name in names[:5]) or "no arrays"
            raise DataError(f"{title} holds {held}; give one array, or name that of the frames 'frames'")
        with archive.open(chosen or names[0]) as member:
            _peek(member, title, limits)
        with archive.open(chosen or names[0]) as member:
            return np.lib.format.read_array(member, allow_pickle=False, max_header_size=MOST_HEADER)


def _peek(file: IO[bytes], title: str, limits: ClipLimits) -> None:
    """Check the header of an array that will be read into memory."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file, max_header_size=MOST_HEADER)
    _check(shape, dtype, title, limits)
    if math.prod(shape) * dtype.itemsize > MOST_BYTES:
        raise DataError(
            f"{title} takes more than {MOST_BYTES >> 30} GiB of memory; save it as .npy, which need not fit"
        )


def _check(shape: Sequence[int], dtype: np.dtype[Any], title: str, limits: ClipLimits) -> None:
    if dtype.hasobject:
        raise DataError(f"{title} holds Python objects, which can run code when they are opened; save it as uint8")
    if shape and shape[0] > limits.frames:
        raise DataError(f"{title} has {shape[0]:,} frames, more than the limit of {limits.frames:,}; cut it")
    if len(shape) > 2:
        check_pixels(title, shape[2], shape[1], limits)


def _scale(array: Array, title: str) -> tuple[float, float]:
    """Return the factor to 0..255, and the largest value, of a clip: one rule for all its frames."""
    if array.dtype == np.uint8 or not array.size:
        return 1.0, 255.0
    if array.dtype == np.bool_:
        return 255.0, 1.0
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise DataError(f"{title} has values of type {array.dtype}; give uint8, or numbers in 0..255 or 0..1")
    high = max(float(frame.max()) for frame in array)
    if np.issubdtype(array.dtype, np.floating):
        return (255.0, 1.0) if high <= 1 else (1.0, 255.0)
    return (1 / 257, 65_535.0) if high > 255 or array.dtype == np.uint16 else (1.0, 255.0)


def _of_array(frame: Array, factor: float, top: float, title: str) -> Image.Image:
    values = frame[..., 0] if frame.ndim == 3 and frame.shape[2] == 1 else frame
    if values.dtype != np.uint8:
        low, high = float(values.min()), float(values.max())
        if not (low >= 0 and high <= top):
            raise DataError(f"{title} has values from {low:g} to {high:g}; scale them to 0..255, or floats to 0..1")
        values = np.rint(values.astype(np.float64) * factor).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(values))

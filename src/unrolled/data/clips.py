"""Read clips: video files of any codec, animated pictures, folders of frames and arrays; frames of one size out.

What a file is its first bytes say, not its name. Frames are read one by one, so that a film of hours takes no more
memory than a clip of a second.

    video                 clip_codecs.py, with the extra ``video``
    GIF, WebP, PNG        clip_files.py; so are folders of frames and .npy or .npz files
    Y4M                   frame_stream.py
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import ArgumentError, DataError
from ..results import Input
from .clip_codecs import Decoding, is_video, open_video
from .clip_files import SUFFIXES, frame_files, open_animation, open_array, open_folder
from .clip_frames import LIMITS, ClipLimits, OpenClip, arranged
from .frame_stream import Y4M, is_y4m, open_stream
from .picture_files import GREY
from .pictures import LEAST_SIDE, Fit, Pixels

MOST_BYTES = 1 << 30  # of a clip that is not a file but bytes
HEAD = 512


@dataclass(frozen=True)
class ClipShape:
    """What the beginning of a clip says about it.

    Attributes:
        height, width: of its first frame, upright.
        colour: whether that is more than grey.
        rate: its frames per second; `None`: it has no times.
    """

    height: int
    width: int
    colour: bool
    rate: Fraction | None


def is_clip(path: Path) -> bool:
    """Return whether a file is a clip by its name, or a folder by the pictures in it."""
    if path.is_dir():
        return bool(frame_files(path))
    return path.suffix.lower() in SUFFIXES or is_video(path)


def read_clip(
    content: Path | bytes | Input,
    size: tuple[int, int] | None = None,
    rate: float | Fraction | None = None,
    channels: int = 3,
    *,
    fit: Fit = "crop",
    name: str = "",
    limits: ClipLimits = LIMITS,
    threads: int = 1,
) -> Iterator[Pixels]:
    """Yield the frames ``(h, w, C)`` of a clip, upright.

    Args:
        content: a file, a folder of frames, the bytes of a file, or an input of a trained model.
        size: h and w (default: those of the first frame).
        rate: frames per second (default, and for clips without times: all frames).
        channels: C: 1 for grey, 3 for RGB.
        fit: how other aspect ratios are fitted, see pictures.py.
        name: its name in errors (default: its path).
        limits: what is refused.
        threads: of the video decoder.

    Raises:
        ArgumentError: an argument is invalid.
        DataError: it is no clip, damaged (the message says up to which frame it was read), or exceeds a limit.
        RunError: it is a video, and PyAV is not installed.
    """
    exact = check_form(size, rate, channels)
    with open_clip(content, name, limits, Decoding(size, channels == 1, threads)) as clip:
        yield from arranged(clip, size, exact, channels, fit, limits)


def check_form(size: tuple[int, int] | None, rate: float | Fraction | None, channels: int) -> Fraction | None:
    """Return the rate as a fraction, such as 30000/1001 for 29.97.

    Raises:
        ArgumentError: one of the three is invalid.
    """
    if channels not in (1, 3):
        raise ArgumentError("channels", "1 (grey) or 3 (RGB)", channels)
    if size is not None and min(size) < LEAST_SIDE:
        raise ArgumentError("size", f"at least {LEAST_SIDE} pixels on each side", size)
    if rate is None:
        return None
    if not isfinite(rate) or not 0 < rate <= 1000:
        raise ArgumentError("rate", "frames per second, over 0 and at most 1,000", rate)
    return Fraction(rate).limit_denominator(1001)


def shape_of(content: Path | bytes | Input, name: str = "", limits: ClipLimits = LIMITS) -> ClipShape:
    """Return what the beginning of a clip says about it; only its first frame is decoded.

    Raises:
        DataError, RunError: see `read_clip`.
    """
    with open_clip(content, name, limits) as clip:
        pixels = next(arranged(clip, None, None, 3, "crop", limits))
        spread = int(np.ptp(pixels.astype(np.int16), axis=2).max())
        return ClipShape(pixels.shape[0], pixels.shape[1], spread > GREY, clip.rate)


@contextlib.contextmanager
def open_clip(
    content: Path | bytes | Input,
    name: str = "",
    limits: ClipLimits = LIMITS,
    how: Decoding = Decoding(),  # noqa: B008
) -> Iterator[OpenClip]:
    """Open a clip; see `read_clip`."""
    given = content if isinstance(content, Input) else Input(content, name)
    title = name or given.title
    if not isinstance(given.content, Path):
        with contextlib.closing(_opened(io.BytesIO(given.data(MOST_BYTES)), None, title, limits, how)) as clip:
            yield clip
        return
    path = given.content
    if path.is_dir():
        yield open_folder(path, how.least)
        return
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a character 0 in the path
        raise DataError(f"cannot read {title}: {getattr(error, 'strerror', None) or error}") from error
    with file, contextlib.closing(_opened(file, path, title, limits, how)) as clip:
        yield clip


def _opened(file: IO[bytes], path: Path | None, title: str, limits: ClipLimits, how: Decoding) -> OpenClip:
    try:
        head = file.read(HEAD)
        file.seek(0)
    except OSError as error:
        raise DataError(f"cannot read {title}: {error.strerror}; copy it again") from error
    if not head:
        raise DataError(f"{title} is empty; remove it, or copy it again")
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        return open_array(file, title, limits)
    if is_y4m(head):
        return open_stream(file, Y4M, title, limits)
    if _is_animation(head):
        return open_animation(file, title, limits)
    return open_video(path or file, head, title, limits, how)


def _is_animation(head: bytes) -> bool:
    """Return whether a file with this beginning is a picture, animated or not."""
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return webp or head.startswith((b"GIF8", b"\x89PNG", b"\xff\xd8\xff", b"BM"))

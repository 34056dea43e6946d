"""Video files of any codec, decoded by FFmpeg through PyAV, which the extra ``video`` installs.

PyAV is BSD-3-Clause; its wheels bundle FFmpeg (LGPL-3.0 or later) with the encoders x264 and x265 (GPL-2.0 or later).
Only listed containers are opened, and only local files: a playlist that names other files or addresses is refused.
Frames are upright (display matrix) and have square pixels (sample aspect ratio); frames much larger than needed are
reduced by FFmpeg, by means over areas, before anything else looks at them.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from ..errors import DataError, RunError
from .clip_frames import ClipLimits, Frame, OpenClip, check_pixels, damaged
from .pictures import Pixels, instead

MODULE, EXTRA = "av", "video"
SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".vob", ".flv", ".f4v"),
    *(".wmv", ".asf", ".ogv", ".ogg", ".3gp", ".3g2", ".mxf", ".dv", ".nut", ".ivf", ".mjpeg", ".mjpg", ".h264"),
    *(".264", ".hevc", ".h265", ".265", ".rm", ".rmvb"),
)
"""the endings of their files"""
CONTAINERS = (
    *("mov", "matroska", "avi", "mpeg", "mpegts", "mpegvideo", "flv", "asf", "asf_o", "ogg", "mxf", "dv", "nut", "ivf"),
    *("mjpeg", "h264", "hevc", "obu", "av1", "m4v", "rm", "wav", "mp3", "aac", "flac", "yuv4mpegpipe", "swf", "dirac"),
)
"""FFmpeg's names of the containers that are opened; those of sound only for the error that they are that"""
REDUCED = 2  # frames are reduced by FFmpeg to at least this many times the needed size
TOLERATED = Fraction(1, 2)  # seconds that a clip may be shorter than its container says

_Matrix = tuple[int, int, int, int]  # the signs of a, b, c, d of a display matrix


def is_video(path: Path) -> bool:
    """Return whether a file is a video by its name."""
    return path.suffix.lower() in SUFFIXES


def installed() -> bool:
    """Return whether PyAV is installed."""
    return importlib.util.find_spec(MODULE) is not None


@dataclass(frozen=True)
class Decoding:
    """How frames are decoded.

    Attributes:
        least: height and width that are needed; `None`: all of it.
        grey: whether colours are not needed.
        threads: of the decoder.
    """

    least: tuple[int, int] | None = None
    grey: bool = False
    threads: int = 1


def open_video(file: Path | IO[bytes], head: bytes, title: str, limits: ClipLimits, how: Decoding) -> OpenClip:
    """Open a video.

    Args:
        file: its path, or its bytes.
        head: the first bytes.
        title: its name in errors.
        limits: what is refused.
        how: what is needed of its frames.

    Raises:
        RunError: PyAV is not installed; the message has the command that installs it.
        DataError: it is no video, has no video stream, or its codec is unknown.
    """
    if what := _not_video(head):
        raise DataError(f"{title} is not a video{what}; remove it, or give a video file")
    if not installed():
        raise RunError(
            f"{title} is a video, and decoding it needs the package av; install with: pip install 'unrolled[{EXTRA}]', "
            "or give a folder with the frames as pictures"
        )
    import av

    options = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "file", "max_pixels": str(limits.pixels)}
    try:
        container: Any = av.open(
            str(file.absolute()) if isinstance(file, Path) else file,
            metadata_errors="replace",
            options=options,
        )
    except Exception as error:  # PyAV raises exceptions of many kinds
        if getattr(error, "errno", 0) == errno.EINVAL:
            raise DataError(f"{title} is in a container that is not read; convert it to MP4 or Matroska") from error
        raise damaged(title, 0, _reason(error)) from error
    stream = _video_stream(container, title)
    check_pixels(title, stream.codec_context.width, stream.codec_context.height, limits)
    stream.codec_context.options = {"err_detect": "explode", "max_pixels": str(limits.pixels)}  # no repaired frames
    stream.codec_context.thread_count = how.threads
    stream.codec_context.thread_type = "AUTO" if how.threads > 1 else "SLICE"
    rate = stream.average_rate or stream.guessed_rate
    seconds = _seconds(container, stream)
    count = stream.frames or (int(seconds * rate) if seconds and rate else 0)
    frames = _frames(container, stream, title, limits, how, seconds)
    return OpenClip(title, frames, Fraction(rate) if rate else Fraction(25), count, container.close)


def _video_stream(container: Any, title: str) -> Any:
    """Return the first video stream that is no cover picture of an audio file."""
    streams = [stream for stream in container.streams.video if not int(stream.disposition) & 0x400]
    if streams:
        codec = streams[0].codec_context
        if codec is None or not codec.is_decoder:
            raise _unknown(container, title)
        return streams[0]
    other = [stream for stream in container.streams if stream.type in ("audio", "subtitle")]
    names = ", ".join(f"{stream.type} ({stream.codec_context.name})" for stream in other if stream.codec_context)
    has = f"has no video stream, only {names}" if names else "has no video stream that FFmpeg knows"
    raise DataError(f"{title} {has}; remove it, or give the file with the pictures")


def _unknown(container: Any, title: str) -> DataError:
    """Return the error for a codec that is not known; its name is in what FFmpeg logs while opening the file again."""
    import av
    from av import logging

    before, name = logging.get_level(), "of an unknown name"
    logging.set_level(logging.WARNING)
    try:
        with contextlib.suppress(Exception), logging.Capture(True) as lines:
            av.open(container.name, options=container.options).close()
        found = (re.search(r"Video: (\w+)(?: \((\w[^/)]*))?", text) for _, _, text in lines)
        name = next(((match[2] or match[1]).strip() for match in found if match), name)
    finally:
        logging.set_level(before)
    return DataError(
        f"{title} uses the codec {name}, which FFmpeg cannot decode here; convert it to H.264 with the program that "
        "made it, or to a folder of pictures"
    )


def _frames(
    container: Any,
    stream: Any,
    title: str,
    limits: ClipLimits,
    how: Decoding,
    seconds: Fraction | None,
) -> Iterator[Frame]:
    from av.video.reformatter import VideoReformatter

    picture = partial(_picture, scale=VideoReformatter().reformat, how=how, aspect=stream.sample_aspect_ratio)
    matrix: _Matrix | None = None
    number = packets = 0
    first: Fraction | None = None
    end = previous = Fraction(0)
    typical = 1 / Fraction(stream.average_rate or stream.guessed_rate or 25)
    try:
        for packet in container.demux(stream):
            packets += packet.size > 0
            if packet.is_corrupt:
                raise damaged(title, number, "a damaged packet")
            for image in packet.decode():
                if image.is_corrupt:
                    raise damaged(title, number, "a frame that cannot be decoded")
                check_pixels(title, image.width, image.height, limits)
                at = end if image.pts is None else image.pts * Fraction(image.time_base)
                first = at if first is None else first
                at = max(at - first, previous)  # never backwards
                lasts = image.duration * Fraction(image.time_base) if image.duration else typical
                previous, end = at, at + lasts
                number += 1
                matrix = matrix or _matrix(image)  # read once: PyAV frees what it returns late
                yield Frame(at, lasts, partial(picture, image, matrix=matrix))
    except DataError:
        raise
    except Exception as error:  # PyAV raises exceptions of many kinds
        raise damaged(title, number, _reason(error)) from error
    if "mp4" in container.format.name and packets < stream.frames:
        raise damaged(title, number, f"it has {packets:,} of {stream.frames:,} frames")
    if number and seconds and end + max(TOLERATED, seconds / 20) < seconds:
        raise damaged(title, number, f"it ends at {float(end):.2f} s of {float(seconds):.2f} s")


def _seconds(container: Any, stream: Any) -> Fraction | None:
    """Return the duration of the video stream that the container states; `None`: it states none."""
    if stream.duration is not None and stream.time_base:
        return stream.duration * Fraction(stream.time_base)
    stated = dict(stream.metadata).get("DURATION", "").split(":")
    try:
        hours, minutes, rest = (Fraction(part) for part in stated)
    except ValueError:
        return None
    return 3600 * hours + 60 * minutes + rest


def _picture(image: Any, *, matrix: _Matrix, scale: Any, how: Decoding, aspect: Fraction | None) -> Image.Image:
    """Return a frame of FFmpeg, reduced, upright and with square pixels."""
    width, height = image.width, image.height
    if how.least is not None:
        factor = min(width, height) // (REDUCED * max(how.least))  # either way round
        if factor > 1:
            width, height = width // factor, height // factor
    grey = how.grey or image.format.name.startswith(("gray", "mono"))
    reduced = scale(image, width, height, "gray" if grey else "rgb24", interpolation="AREA", threads=1)
    pixels: Pixels = reduced.to_ndarray()
    if aspect and aspect != 1:
        ratio = min(max(Fraction(aspect), Fraction(1, 4)), Fraction(4))
        picture = Image.fromarray(pixels).resize((max(2, round(width * ratio)), height), Image.Resampling.BICUBIC)
        pixels = np.asarray(picture)
    return Image.fromarray(np.ascontiguousarray(_upright(pixels, matrix)))


def _matrix(image: Any) -> _Matrix:
    """Return the signs of a, b, c, d of a frame's display matrix: x' = a·x + c·y, y' = b·x + d·y."""
    found = next((data for data in image.side_data if data.type.name == "DISPLAYMATRIX"), None)
    if found is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.sign(np.frombuffer(bytes(found)[:20], "<i4") // (1 << 15)).tolist()
    return a, b, c, d


def _upright(pixels: Pixels, matrix: _Matrix) -> Pixels:
    """Return pixels turned and mirrored by a display matrix of multiples of 90°; other ones leave them as they are."""
    a, b, c, d = matrix
    match (a == d == 0, b == c == 0):
        case (False, True):
            across, down = a, d
        case (True, False):
            pixels = np.swapaxes(pixels, 0, 1)
            across, down = c, b
        case _:
            return pixels
    return pixels[:: down or 1, :: across or 1]


def _not_video(head: bytes) -> str:
    """Return a clause on a file that is certainly no video, or nothing."""
    what = instead(head)
    return "" if what.startswith(" of a known") else what.replace(" of pixels", "")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

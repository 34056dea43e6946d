"""Frames from a pipe, one after the other without an end in sight: Y4M, or raw frames of a given size.

    ffmpeg -i camera -f yuv4mpegpipe -pix_fmt yuv420p -                    Y4M: its header says size and rate
    ffmpeg -i camera -f rawvideo -pix_fmt rgb24 -                          raw: (h, w, 3) or, grey, (h, w) bytes a frame

Y4M is read with 8 bits in the samplings 4:2:0, 4:2:2, 4:4:4 and grey; colours are BT.601.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import IO

import numpy as np
from PIL import Image

from ..errors import ArgumentError, DataError
from .clip_frames import LIMITS, ClipLimits, Frame, OpenClip, check_pixels
from .pictures import LEAST_SIDE

MAGIC = b"YUV4MPEG2"
LONGEST = 1024  # bytes of a header
HELP = "send Y4M (ffmpeg -i FILE -f yuv4mpegpipe -pix_fmt yuv420p -), or give the size of raw frames"
_SAMPLINGS = {  # width and height of a pixel of the colours, in pixels
    "420": (2, 2),
    "420jpeg": (2, 2),
    "420mpeg2": (2, 2),
    "420paldv": (2, 2),
    "422": (2, 1),
    "444": (1, 1),
    "mono": (0, 0),
}
_LUMA = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
_CHROMA = np.clip(np.rint((np.arange(256) - 128) * 255 / 224 + 128), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Raw:
    """The form of raw frames.

    Attributes:
        height, width: pixels; 0: the header of Y4M says them.
        channels: 3 (RGB) or 1 (grey).
        rate: frames per second; `None`: frames have no times.
    """

    height: int = 0
    width: int = 0
    channels: int = 3
    rate: Fraction | None = None


Y4M = Raw()


@dataclass(frozen=True)
class _Header:
    """The header of Y4M."""

    width: int
    height: int
    rate: Fraction
    sampling: str
    full: bool  # whether values are 0..255 instead of 16..235


def is_y4m(head: bytes) -> bool:
    """Return whether data with this beginning are Y4M."""
    return head.startswith(MAGIC)


def open_stream(
    file: IO[bytes], form: Raw = Y4M, title: str = "the standard input", limits: ClipLimits = LIMITS
) -> OpenClip:
    """Open a stream of frames, which are read one by one as they arrive.

    Args:
        file: the pipe.
        form: the form of the frames.
        title: its name in errors.
        limits: what is refused.

    Raises:
        ArgumentError: the form is invalid.
        DataError: its header is invalid, or its frames exceed a limit.
    """
    if form.height or form.width:
        if min(form.height, form.width) < LEAST_SIDE or form.channels not in (1, 3):
            expected = f"at least {LEAST_SIDE} pixels on each side, and 1 or 3 channels"
            raise ArgumentError("size of raw frames", expected, (form.height, form.width, form.channels))
        check_pixels(title, form.width, form.height, limits)
        return OpenClip(title, _timed(_raw(file, form, title), form.rate), form.rate)
    header = _header(file, title)
    check_pixels(title, header.width, header.height, limits)
    return OpenClip(title, _timed(_y4m(file, header, title), header.rate), header.rate)


def _timed(pictures: Iterator[partial[Image.Image]], rate: Fraction | None) -> Iterator[Frame]:
    lasts = 1 / rate if rate else Fraction(0)
    for number, picture in enumerate(pictures):
        yield Frame(number * lasts, lasts, picture)


def _raw(file: IO[bytes], form: Raw, title: str) -> Iterator[partial[Image.Image]]:
    size = form.height * form.width * form.channels
    number = 0
    while data := _exactly(file, size, number, title):
        number += 1
        yield partial(Image.frombytes, "RGB" if form.channels == 3 else "L", (form.width, form.height), data)


def _y4m(file: IO[bytes], header: _Header, title: str) -> Iterator[partial[Image.Image]]:
    across, down = _SAMPLINGS[header.sampling]
    size = header.width * header.height
    if across:
        size += 2 * -(-header.width // across) * -(-header.height // down)
    number = 0
    while line := file.readline(LONGEST):
        if not line.startswith(b"FRAME") or not line.endswith(b"\n"):
            raise DataError(
                f"{title} is damaged after frame {number:,}: the next one does not begin with FRAME; {HELP}"
            )
        data = _exactly(file, size, number, title)
        if not data:
            raise _cut_off(title, number, 0, size)
        number += 1
        yield partial(_picture, data, header)


def _exactly(file: IO[bytes], size: int, number: int, title: str) -> bytes:
    """Return the next ``size`` bytes of a pipe, or nothing at its end."""
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    if data and len(data) < size:
        raise _cut_off(title, number, len(data), size)
    return data


def _cut_off(title: str, number: int, read: int, size: int) -> DataError:
    return DataError(
        f"{title} ends within frame {number + 1:,}, after {read:,} of its {size:,} bytes; is the size right, and did "
        "the sender end early?"
    )


def _header(file: IO[bytes], title: str) -> _Header:
    line = file.readline(LONGEST)
    if not is_y4m(line):
        raise DataError(f"{title} is not a stream of frames; {HELP}")
    if not line.endswith(b"\n"):
        raise DataError(f"{title} has a header of more than {LONGEST:,} bytes; {HELP}")
    words = line.decode("ascii", "replace").split()[1:]
    of = {word[0]: word[1:] for word in words if not word.startswith("X")}
    sampling = of.get("C", "420")
    if sampling not in _SAMPLINGS:
        known = ", ".join(_SAMPLINGS)
        raise DataError(f"{title} has the sampling C{sampling}, not one of {known}; send it with -pix_fmt yuv420p")
    try:
        width, height = int(of["W"]), int(of["H"])
        up, _, down = of.get("F", "25:1").partition(":")
        rate = Fraction(int(up), int(down or 1)) or Fraction(25)  # 0: unknown
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise DataError(f"{title} has a header without valid width, height and rate: {line[:80]!r}; {HELP}") from error
    if min(width, height) < LEAST_SIDE or rate < 0 or rate > 10_000:
        raise DataError(f"{title} has frames of {width} × {height} pixels at {float(rate):g} a second; {HELP}")
    return _Header(width, height, rate, sampling, "XCOLORRANGE=FULL" in words)


def _picture(data: bytes, header: _Header) -> Image.Image:
    """Return a frame of Y4M in mode ``L`` or ``RGB``."""
    width, height = header.width, header.height
    values = np.frombuffer(data, np.uint8)
    luma = values[: width * height].reshape(height, width)
    luma = luma if header.full else _LUMA[luma]
    across, down = _SAMPLINGS[header.sampling]
    if not across:
        return Image.fromarray(luma)
    columns, rows = -(-width // across), -(-height // down)
    colours = values[width * height :].reshape(2, rows, columns)
    colours = colours if header.full else _CHROMA[colours]
    planes = [Image.fromarray(luma)]
    for plane in colours:
        whole = Image.fromarray(np.repeat(np.repeat(plane, down, 0), across, 1)[:height, :width])
        planes.append(whole)
    return Image.merge("YCbCr", planes).convert("RGB")

"""The frames of a clip while it is read: when each is shown, and how many there may be.

A clip at another rate takes, for the frame at time k / rate, the one that is shown then: times are rounded to the
nearest frame, and of several frames with the same time the last is kept, as FFmpeg's filter ``fps`` does. So the
frames of a clip with a variable rate are at equal distances too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from PIL import Image

from ..errors import DataError
from .pictures import Fit, Pixels, fitted


@dataclass(frozen=True)
class ClipLimits:
    """What is refused before or while a clip is decoded.

    Attributes:
        frames: largest number of frames of a clip, before and after the change of the rate.
        pixels: largest number of pixels of a frame.
        seconds: longest duration.
    """

    frames: int = 2_000_000
    pixels: int = 1 << 26
    seconds: float = 86_400.0


LIMITS = ClipLimits()


@dataclass(frozen=True)
class Frame:
    """A frame of a clip.

    Attributes:
        at: seconds after the first frame.
        lasts: seconds that it is shown; 0: unknown.
        picture: returns the frame upright, in mode ``L`` or ``RGB``.
    """

    at: Fraction
    lasts: Fraction
    picture: Callable[[], Image.Image]


@dataclass(frozen=True)
class OpenClip:
    """A clip that is being read.

    Attributes:
        title: its name in errors.
        frames: its frames, in the order of time.
        rate: its frames per second, on average; `None`: it has no times, as a folder of pictures.
        count: about how many frames it has; 0: unknown.
        close: frees what reading needs.
    """

    title: str
    frames: Iterator[Frame]
    rate: Fraction | None = None
    count: int = 0
    close: Callable[[], object] = lambda: None


def arranged(
    clip: OpenClip,
    size: tuple[int, int] | None,
    rate: Fraction | None,
    channels: int,
    fit: Fit,
    limits: ClipLimits = LIMITS,
) -> Iterator[Pixels]:
    """Yield the frames ``(h, w, C)`` of a clip at a rate and a size.

    Args:
        clip: the clip.
        size: h and w; `None`: those of its first frame.
        rate: frames per second; `None`, or for a clip without times: all its frames.
        channels: C: 1 for grey, 3 for RGB.
        fit: how other aspect ratios are fitted, see pictures.py.
        limits: what is refused.

    Raises:
        DataError: the clip has no frames, is damaged, or exceeds a limit.
    """
    frames = _limited(clip, limits)
    chosen = _resampled(frames, rate, clip, limits) if rate and clip.rate else ((frame, 1) for frame in frames)
    empty = True
    for frame, times in chosen:
        picture = frame.picture()
        size = size or (picture.height, picture.width)
        pixels = fitted(picture, size, channels, fit=fit)
        for _ in range(times):
            yield pixels
        empty = False
    if empty:
        raise DataError(f"{clip.title} has no frames; remove it, or copy it again")


def damaged(title: str, after: int, reason: object) -> DataError:
    """Return the error for a clip that cannot be read to its end; ``after``: the frames that were read."""
    text = " ".join(str(reason).split()) or type(reason).__name__
    where = f"after frame {after:,}" if after else "before its first frame"
    return DataError(f"{title} is truncated or damaged {where} ({text}); copy it again, or remove it")


def check_pixels(title: str, width: int, height: int, limits: ClipLimits) -> None:
    """Raise `DataError` for frames of more pixels than the limit."""
    if width * height > limits.pixels:
        raise DataError(
            f"{title} has frames of {width:,} × {height:,} pixels, more than the limit of {limits.pixels:,} in all; "
            "scale it down"
        )


def _limited(clip: OpenClip, limits: ClipLimits) -> Iterator[Frame]:
    for number, frame in enumerate(clip.frames, 1):
        if number > limits.frames:
            raise _too_long(clip, limits)
        if frame.at > limits.seconds:
            raise DataError(
                f"{clip.title} is longer than the limit of {limits.seconds:,.0f} s: frame {number:,} is at "
                f"{float(frame.at):,.1f} s; cut it"
            )
        yield frame


def _resampled(
    frames: Iterator[Frame], rate: Fraction, clip: OpenClip, limits: ClipLimits
) -> Iterator[tuple[Frame, int]]:
    """Yield the frames that are shown at the times k / rate, with the number of such times."""
    held: Frame | None = None
    made = 0
    for frame in itertools.chain(frames, [None]):
        if held is not None:
            end = held.at + (held.lasts or 1 / (clip.rate or rate)) if frame is None else frame.at
            times = _number(end, rate) - made
            if frame is None and not made:
                times = max(times, 1)
            if made + times > limits.frames:
                raise _too_long(clip, limits)
            if times > 0:
                made += times
                yield held, times
        held = frame


def _number(at: Fraction, rate: Fraction) -> int:
    """Return the number of the frame nearest to a time; a time in the middle is that of the later one."""
    return floor(at * rate + Fraction(1, 2))


def _too_long(clip: OpenClip, limits: ClipLimits) -> DataError:
    return DataError(f"{clip.title} has more than {limits.frames:,} frames, the limit; cut it, or give a lower rate")

"""Read a picture: a file or bytes in, grey or RGB pixels of a given size out, by one rule for all formats.

    orientation        as its EXIF data say, so that it is upright
    palette, CMYK, …   converted to RGB; black and white to grey
    transparency       over white
    16 bits            v / 257, so that 65,535 becomes 255
    floats             in 0..1: v · 255; in 0..255: v; anything else is an error
    several frames     the first

Then it is fitted to height × width: ``crop`` scales it until it covers them and cuts the middle out, ``pad`` scales it
until it fits in and fills the border with white, ``stretch`` changes its aspect ratio. Sizes are checked before
anything is decoded.
"""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import ArgumentError, DataError
from ..results import Input

# h height, w width, C channels (1: grey, 3: RGB)

Fit = Literal["crop", "pad", "stretch"]
Pixels = npt.NDArray[np.uint8]

MOST_PIXELS = 100_000_000  # of a picture
MOST_BYTES = 256 << 20  # of a file
LEAST_SIDE = 2  # pixels
FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF", "TGA", "ICO", "PCX")
"""Pillow's names of the formats that are read; others, such as EPS, would run other programs"""
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".ppm", ".pgm"),
    *(".pbm", ".pnm", ".jp2", ".j2k", ".avif", ".tga", ".ico", ".pcx"),
)
"""the endings of their files"""


def is_picture(path: Path) -> bool:
    """Return whether a file is a picture by its name."""
    return path.suffix.lower() in SUFFIXES


def read_picture(
    content: Path | bytes | Input,
    size: tuple[int, int],
    channels: int = 3,
    *,
    fit: Fit = "crop",
    name: str = "",
) -> Pixels:
    """Return the pixels ``(h, w, C)`` of a picture.

    Args:
        content: a file, its bytes, or an input of a trained model.
        size: h and w.
        channels: C: 1 for grey, 3 for RGB.
        fit: how other aspect ratios are fitted, see the module.
        name: its name in errors (default: its path).

    Raises:
        DataError: it is not a picture, damaged, too small or too large.
    """
    return fitted(open_picture(content, name, least=size), size, channels, fit=fit)


def open_picture(content: Path | bytes | Input, name: str = "", *, least: tuple[int, int] | None = None) -> Image.Image:
    """Return a picture, decoded and upright, in mode ``L`` (grey) or ``RGB``.

    Args:
        content: a file, its bytes, or an input of a trained model.
        name: its name in errors (default: its path).
        least: height and width that are needed: a JPEG file is decoded at a fraction of its size that is not smaller.

    Raises:
        DataError: it is not a picture, damaged, too small or too large.
    """
    given = content if isinstance(content, Input) else Input(content, name)
    title = name or given.title
    data = given.data(MOST_BYTES)
    if not data:
        raise DataError(f"{title} is empty; remove it, or copy it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on metadata
            with Image.open(io.BytesIO(data), formats=known_formats()) as picture:
                _check_size(picture, title)
                if least is not None:
                    height, width = least
                    picture.draft(None, (max(height, width), max(height, width)))  # either way round, before EXIF
                return plain(ImageOps.exif_transpose(picture), title)
    except UnidentifiedImageError as error:
        raise DataError(f"{title} is not a picture{instead(data)}; remove it, or save it as PNG or JPEG") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{title} has more than {MOST_PIXELS:,} pixels, the limit; scale it down") from error
    except DataError:
        raise
    except Exception as error:  # decoders raise exceptions of many kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{title} is truncated or damaged ({reason}); remove it, or copy it again") from error


def fitted(picture: Image.Image, size: tuple[int, int], channels: int = 3, *, fit: Fit = "crop") -> Pixels:
    """Return the pixels ``(h, w, C)`` of a picture in mode ``L`` or ``RGB``; see `read_picture`.

    Raises:
        ArgumentError: ``fit`` or ``channels`` is invalid.
    """
    if channels not in (1, 3):
        raise ArgumentError("channels", "1 (grey) or 3 (RGB)", channels)
    height, width = size
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        match fit:
            case "crop":
                picture = ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
            case "pad":
                white = 255 if channels == 1 else (255, 255, 255)
                picture = ImageOps.pad(picture, (width, height), Image.Resampling.BICUBIC, color=white)
            case "stretch":
                picture = picture.resize((width, height), Image.Resampling.BICUBIC)
            case _:
                raise ArgumentError("fit", f"one of {', '.join(get_args(Fit))}", fit)
    return np.asarray(picture, np.uint8).reshape(height, width, channels)


def from_array(values: Any, name: str = "the picture") -> Image.Image:
    """Return a picture in mode ``L`` or ``RGB`` with the pixels of an array ``(h, w)``, ``(h, w, 1)`` or ``(h, w, 3)``
    of integers or floats in 0..255, or floats in 0..1.

    Raises:
        DataError: the array has another shape or other values.
    """
    array = np.asarray(values)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or 0 in array.shape:
        raise DataError(f"{name} has shape {array.shape}; give (height, width), (height, width, 1) or (…, 3)")
    if array.dtype != np.uint8:
        array = _eight_bits(array, name)
    return Image.fromarray(np.ascontiguousarray(array))


@cache
def known_formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that this Pillow can read."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _check_size(picture: Image.Image, title: str) -> None:
    width, height = picture.size
    size = f"{title} has {width:,} × {height:,} pixels"
    if width * height > MOST_PIXELS:
        raise DataError(f"{size}, more than the limit of {MOST_PIXELS:,} in all; scale it down")
    if min(width, height) < LEAST_SIDE:
        raise DataError(f"{size}, and each side must have at least {LEAST_SIDE}; remove it, or give a larger picture")


def plain(picture: Image.Image, title: str) -> Image.Image:
    """Return a picture that Pillow has opened, decoded and converted to mode ``L`` or ``RGB``."""
    if picture.mode.startswith(("I", "F")):  # more than eight bits
        return Image.fromarray(_eight_bits(np.asarray(picture), title))
    if picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info:
        above = picture.convert("RGBA")
        below = Image.new("RGBA", above.size, "white")
        grey = picture.mode in ("L", "LA", "La")
        return Image.alpha_composite(below, above).convert("L" if grey else "RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _eight_bits(array: npt.NDArray[Any], title: str) -> Pixels:
    """Return values of other types as bytes: see the module."""
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array) or not np.isfinite(array).all():
        raise DataError(f"{title} has pixels that are not finite numbers; give values in 0..255 or 0..1")
    low, high = float(array.min()), float(array.max())
    if np.issubdtype(array.dtype, np.floating):
        factor, top = (255.0, 1.0) if high <= 1 else (1.0, 255.0)
    else:
        factor, top = (1 / 257, 65_535.0) if high > 255 or array.dtype == np.uint16 else (1.0, 255.0)
    if low < 0 or high > top:
        raise DataError(f"{title} has pixels from {low:g} to {high:g}; scale them to 0..255, or floats to 0..1")
    return np.rint(array.astype(np.float64) * factor).astype(np.uint8)


def instead(data: bytes) -> str:
    """Return a clause on the contents of a file that is no picture, as far as its beginning says."""
    head = data[:512]
    if head.lstrip()[:5].lower() in (b"<html", b"<!doc"):
        return " but a web page, probably an error message of a download"
    if head.lstrip()[:4] == b"<svg" or b"<svg" in head:
        return " of pixels but an SVG drawing"
    if head.startswith((b"%!PS", b"%PDF")):
        return " of pixels but a PostScript or PDF document"
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        return " that can be read here but HEIC"
    try:
        head[:-3].decode("utf-8")
    except UnicodeDecodeError:
        return " of a known format"
    return " but a text file" if b"\0" not in head else " of a known format"

"""Pictures and clips as bytes of files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ...data.pictures import Pixels


def png(picture: Image.Image) -> bytes:
    """Return the bytes of a PNG file."""
    picture.save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def picture_file(pixels: Pixels) -> bytes:
    """Return the bytes of a PNG file of pixels ``(h, w, C)``."""
    return png(Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)))


def clip_file(frames: Pixels) -> bytes:
    """Return the bytes of an ``.npy`` file of the frames ``(T, h, w, C)`` of a clip."""
    np.save(out := io.BytesIO(), frames, allow_pickle=False)
    return out.getvalue()

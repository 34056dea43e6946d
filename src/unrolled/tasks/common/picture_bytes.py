"""Pictures drawn with Pillow as bytes of PNG files."""

from __future__ import annotations

import io

from PIL import Image


def png(picture: Image.Image) -> bytes:
    """Return the bytes of a PNG file."""
    picture.save(out := io.BytesIO(), "PNG")
    return out.getvalue()

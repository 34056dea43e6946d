"""Makes small pictures of lines for tests: bars of ink instead of letters."""

import io
import tarfile

import numpy as np
from PIL import Image


def line(width=96, height=24, seed=0):
    """A line ``(height, width)``: paper 255, ink 0 in bars of random places."""
    pixels = np.full((height, width), 255, np.uint8)
    for x in np.random.default_rng(seed).integers(4, width - 6, 6):
        pixels[5:-5, x : x + 2] = 0
    return pixels


def save(path, pixels, mode=None):
    """Save pixels as a picture file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path)


def pairs(root, count=20, folder="", prefix="line"):
    """Write pairs of pictures and texts."""
    for number in range(count):
        path = root / folder / f"{prefix}-{number}.png"
        save(path, line(seed=hash_of(folder, number)))
        path.with_name(f"{prefix}-{number}.gt.txt").write_text(f"text {number}", encoding="utf-8")


def hash_of(folder, number):
    """A seed for each line of each folder."""
    return sum(map(ord, folder)) * 1000 + number


def tar(root, path):
    """Pack a folder into an archive that is not compressed."""
    with tarfile.open(path, "w") as archive:
        archive.add(root, ".")


def png(pixels):
    """The bytes of a PNG file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()

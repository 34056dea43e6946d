"""A strip of frames: some frames of a clip side by side, above curves or coloured tracks that share its time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...data.pictures import Pixels

WIDTH = 960  # pixels of a strip
LEAST = 48  # pixels: least width of a frame in it


@dataclass(frozen=True)
class Strip:
    """A strip of frames.

    Attributes:
        image: the strip, ``width`` pixels wide.
        chosen: the numbers of the frames that it shows, of those given, each the middle one of its stretch.
        frames: the number of frames of the clip; frame t is drawn from ``x(t)`` to ``x(t + 1)``.
    """

    image: Image.Image
    chosen: list[int]
    frames: int

    def x(self, frame: float) -> float:
        """Return the horizontal place of the beginning of a frame."""
        return frame / max(1, self.frames) * self.image.width


def strip(frames: Sequence[Pixels] | Pixels, total: int = 0, *, width: int = WIDTH, most: int = 16) -> Strip:
    """Return frames of a clip ``(T, H, W, C)``, evenly spaced, side by side.

    Args:
        frames: the clip, of which only the frames that are shown are read; or some of its frames, evenly spaced.
        total: the number of frames of the clip (default: those given).
        width: pixels.
        most: most frames to show.
    """
    count = len(frames)
    first = np.asarray(frames[0])
    h, w = first.shape[:2]
    shown = max(1, min(count, most, width // LEAST))
    edges = np.linspace(0, width, shown + 1).round().astype(int).tolist()
    cell = max(1, width // shown)
    height = max(1, min(round(h * cell / w), 2 * cell))
    chosen = [min(count - 1, int((n + 0.5) * count / shown)) for n in range(shown)]
    canvas = Image.new("RGB", (width, height), "white")
    for n, number in enumerate(chosen):
        canvas.paste(thumbnail(np.asarray(frames[number]), edges[n + 1] - edges[n] - 1, height), (edges[n], 0))
    return Strip(canvas, chosen, total or count)


def thumbnail(pixels: Pixels, width: int, height: int) -> Image.Image:
    """Return a frame ``(H, W, C)`` as an image of this size; small ones are enlarged unsmoothed."""
    plain = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    image = Image.fromarray(np.ascontiguousarray(plain)).convert("RGB")
    method = Image.Resampling.NEAREST if width >= 2 * image.width else Image.Resampling.BICUBIC
    return image.resize((max(1, width), max(1, height)), method)

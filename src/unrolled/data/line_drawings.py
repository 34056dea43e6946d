"""Generated lines: drawn once, a set for each part, into the cache, in the same normal form as lines that are read.

ENTRY/pixels.bin     the pixels (H, W) of the lines one after the other, uint8
ENTRY/widths.npy     W of each line
ENTRY/texts.json     the text, the group and the digest of each line
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..results import Progress, silent
from .derived import derived
from .line_pictures import VERSION as FORM
from .line_pictures import normal_line
from .line_pixels import FILE, LinePixelFile, LinePixelWriter
from .pictures import Pixels
from .transcribed_lines import Lines

VERSION = 1  # of the entries of the cache
EVERY = 64  # lines between reports of the progress

Draw = Callable[[int], tuple[Pixels, str, str]]
"""the number of a line → its pixels ``(H, W)``, its text and its group"""


def drawn_lines(name: str, key: Any, draw: Draw, count: int, height: int, progress: Progress = silent) -> Lines:
    """Return lines that are drawn by a function of their number.

    Args:
        name: what lines are called in messages: name, number.
        key: everything that ``draw`` depends on, as JSON data: options, and versions of its code and of its fonts.
        draw: draws a line.
        count: the number of lines.
        height: H; lines of another height are scaled to it.
        progress: shows the progress of drawing.
    """

    def make(folder: Path) -> None:
        widths, rows = [], []
        with (folder / FILE).open("wb") as out, progress(count, "lines") as done:
            writer = LinePixelWriter(out)
            for number in range(count):
                drawn, text, group = draw(number)
                pixels = normal_line(Image.fromarray(drawn), height).pixels
                writer.add(pixels)
                widths.append(pixels.shape[1])
                rows.append((text, group, hashlib.blake2b(pixels.tobytes(), digest_size=16).hexdigest()))
                if (number + 1) % EVERY == 0:
                    done(number + 1)
        np.save(folder / "widths.npy", np.array(widths, np.int64))
        (folder / "texts.json").write_text(json.dumps(rows), encoding="utf-8")

    whole = {"name": name, "key": key, "count": count, "height": height, "versions": [VERSION, FORM]}
    folder = derived("drawn-lines", whole, make)
    rows = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    texts, groups, digests = ([str(row[column]) for row in rows] for column in range(3))
    pixels = LinePixelFile(folder, np.load(folder / "widths.npy", allow_pickle=False), height)
    names = [f"{name}, line {number}" for number in range(1, count + 1)]
    return Lines(pixels, np.arange(count), pixels.widths, texts, groups, names, digests, height)

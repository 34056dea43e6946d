"""Draw small pictures of a network's insides in grids, as PNG: filters, feature maps, patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from torch import Tensor

from ...data.pictures import Pixels
from ...results.palette import GREY, INK
from ..common.lettering import lettering
from ..common.picture_bytes import png

GAP, LABEL, TEXT = 4, 64, 12  # pixels: between cells; of a row's label; height of letters
RED, BLUE = np.array([197, 58, 42]), np.array([43, 108, 176])  # positive, negative
PATCH = 56  # pixels: least side of a patch


def signed(values: Tensor) -> Pixels:
    """Return signed values ``(C, h, w)`` as colours ``(h, w, 3)``, scaled to the largest.

    Of three channels, grey is 0 and a colour is raised or lowered in it; of others, white is 0, red is positive and
    blue negative.
    """
    array = values.detach().double().numpy()
    array = array / max(float(np.abs(array).max()), 1e-12)
    if len(array) == 3:
        colours: Pixels = (127.5 + 127.5 * array.transpose(1, 2, 0)).astype(np.uint8)
        return colours
    share: npt.NDArray[np.float64] = array.mean(0)[..., None]
    return (255 + (np.where(share > 0, RED, BLUE) - 255) * np.abs(share)).astype(np.uint8)


def grid(cells: Sequence[Pixels], *, least: int, columns: int = 16) -> bytes:
    """Return a PNG file of cells ``(h, w, 3)`` of one size, enlarged to at least ``least`` pixels, in rows."""
    side = _enlarged(len(cells[0]), least)
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    canvas = Image.new("RGB", (columns * (side + GAP) + GAP, rows * (side + GAP) + GAP), GREY)
    for n, cell in enumerate(cells):
        canvas.paste(_large(cell, side), (GAP + n % columns * (side + GAP), GAP + n // columns * (side + GAP)))
    return png(canvas)


def patch_rows(rows: Sequence[tuple[str, Sequence[Pixels], Sequence[Pixels]]]) -> bytes:
    """Return a PNG file with two lines for each unit: its patches, and below them their projections."""
    side = _enlarged(len(rows[0][1][0]), PATCH)
    height, count = 2 * (side + GAP) + 3 * GAP, max(len(patches) for _, patches, _ in rows)
    canvas = Image.new("RGB", (LABEL + count * (side + GAP) + GAP, len(rows) * height + GAP), "white")
    draw, font = ImageDraw.Draw(canvas), lettering(TEXT)
    for n, (name, patches, shown) in enumerate(rows):
        top = n * height + GAP
        draw.text((GAP, top + side // 2 - TEXT // 2), name, INK, font)
        draw.text((GAP, top + side + GAP + side // 2 - TEXT // 2), "projected", GREY, font)
        for line, cells in enumerate((patches, shown)):
            for at, cell in enumerate(cells):
                canvas.paste(_large(cell, side), (LABEL + at * (side + GAP), top + line * (side + GAP)))
    return png(canvas)


def _enlarged(side: int, least: int) -> int:
    return side * max(1, -(-least // side))


def _large(cell: Pixels, side: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(cell)).resize((side, side), Image.Resampling.NEAREST)

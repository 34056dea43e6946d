"""Draw pictures side by side with captions, as PNG."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ...data.pictures import Pixels
from ...results.palette import GREY, INK
from ..common.lettering import lettering, shortened
from ..common.picture_bytes import png

LEAST, GAP, LINE, TEXT = 112, 10, 15, 12  # pixels: a cell's least width, gap between cells, line and letter height
COLUMNS = 8


def sheet(pictures: Sequence[Pixels], captions: Sequence[tuple[str, ...]], columns: int = COLUMNS) -> bytes:
    """Return a PNG file of pictures ``(h, w, C)`` in rows.

    Args:
        pictures: the pictures, of one size.
        captions: lines below each picture; they are shortened to its width.
        columns: pictures in a row.
    """
    side = enlarged(len(pictures[0]))
    lines = max(map(len, captions))
    rows = -(-len(pictures) // columns)
    width, height = min(columns, len(pictures)) * (side + GAP) + GAP, rows * (side + GAP + lines * LINE) + GAP
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    font = lettering(TEXT)
    for n, (pixels, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = GAP + n % columns * (side + GAP), GAP + n // columns * (side + GAP + lines * LINE)
        canvas.paste(large(pixels, side), (left, top))
        for row, text in enumerate(caption):
            shown = shortened(text, font, side)
            draw.text((left, top + side + 2 + row * LINE), shown, INK if row == 0 else GREY, font)
    return png(canvas)


def enlarged(side: int) -> int:
    """Return the side of a picture as drawn: a multiple of its own, of at least `LEAST` pixels."""
    return side * max(1, -(-LEAST // side))


def large(pixels: Pixels, side: int) -> Image.Image:
    """Return a picture ``(h, w, C)`` with a side of ``side`` pixels, unsmoothed."""
    plain = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return Image.fromarray(plain).convert("RGB").resize((side, side), Image.Resampling.NEAREST)

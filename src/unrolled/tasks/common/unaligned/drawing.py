"""Draw an input whose columns are time, such as a line or a spectrogram, above the characters where they were read.

A character stands below the middle of its frames. A line spans the frames; it is thin and grey, as the character is, if
the network was unsure. A space has only the line.
An input wider than a row goes on in the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ....decoding.transcript import Piece
from ....results.palette import GREY, INK
from ..lettering import Font, lettering
from ..picture_bytes import png

WIDTH = 1200  # pixels of a row at most
SCALE = 2  # of the input
LETTER, BELOW, GAP = 18, 40, 14  # pixels: height of a letter, space for letters below a row, between rows
MARGIN = 10
UNSURE = 0.5  # a confidence below which a character is marked


def characters_under(image: Image.Image, pieces: Sequence[Piece], unit: float) -> bytes:
    """Return a PNG file.

    Args:
        image: the input, of which a column is a step of time.
        pieces: the symbols in the order of the frames.
        unit: columns of a frame.
    """
    large = image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.BICUBIC)
    rows = max(1, -(-large.width // WIDTH))
    height = large.height + BELOW + GAP
    canvas = Image.new("RGB", (min(WIDTH, large.width) + 2 * MARGIN, rows * height + MARGIN), "white")
    draw, font = ImageDraw.Draw(canvas), lettering(LETTER)
    for row in range(rows):
        part = large.crop((row * WIDTH, 0, min(large.width, (row + 1) * WIDTH), large.height))
        canvas.paste(part, (MARGIN, MARGIN + row * height))
    ends = [-1.0] * rows
    for piece in pieces:
        begin, end = piece.start * unit * SCALE, max(piece.end * unit * SCALE, piece.start * unit * SCALE + 2)
        middle = (begin + end) / 2
        row = min(rows - 1, int(middle // WIDTH))
        x, top = middle - row * WIDTH + MARGIN, MARGIN + row * height + large.height
        left, right = begin - row * WIDTH + MARGIN, end - row * WIDTH + MARGIN
        colour = INK if piece.confidence >= UNSURE else GREY
        draw.line([(left, top + 3), (right, top + 3)], colour, 3 if piece.confidence >= UNSURE else 1)
        if piece.symbol != " ":
            _letter(draw, font, piece.symbol, x, top + 8, colour, ends, row)
    return png(canvas)


def _letter(
    draw: ImageDraw.ImageDraw, font: Font, symbol: str, x: float, top: float, colour: str, ends: list[float], row: int
) -> None:
    """Draw a symbol centred at x, lower if it would touch the one before it; ``ends`` are the last ends by row."""
    width = font.getlength(symbol)
    left = x - width / 2
    lower = 10 if left < ends[row] + 1 else 0
    draw.text((left, top + lower), symbol, colour, font)
    ends[row] = left + width if not lower else -1.0

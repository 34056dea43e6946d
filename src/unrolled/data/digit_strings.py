"""Lines of handwritten digits side by side: MNIST's, or the built-in ones.

String n of a part is a pure function of n: 5 to 10 digits of the same part of MNIST, cut to their ink, with gaps of 1
to 8 pixels between them, some pixels up or down, dark on light paper.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from .digits import SIDE, Digits, mnist, synthetic_digits
from .line_words import Draws
from .pictures import Pixels

SHORTEST, LONGEST = 5, 10  # digits
VERSION = 1
_SEEDS = {"train": 0xD1, "valid": 0xD2, "test": 0xD3}
_INK, _NOISE = 64, 80  # least grey level of ink in MNIST; greatest one of the noise of built-in digits


def digit_string(part: str, number: int, height: int, *, built_in: bool = False) -> tuple[Pixels, str]:
    """Return a line ``(H, W)`` and its text.

    Args:
        part: ``train``, ``valid`` or ``test``.
        number: the number of the line.
        height: H.
        built_in: use the built-in digits, which need no files.

    Raises:
        DataError: MNIST is neither available nor can it be downloaded.
    """
    read: Callable[[str], Digits] = synthetic_digits if built_in else mnist
    digits, draws = read(part), Draws(_SEEDS[part], number)
    chosen = [draws.integer(0, len(digits.labels) - 1) for _ in range(draws.integer(SHORTEST, LONGEST))]
    pieces = [np.zeros((SIDE, draws.integer(2, 6)), np.uint8)]
    for index in chosen:
        picture = digits.pictures[index]
        if built_in:
            picture = np.where(picture > _NOISE, picture, 0).astype(np.uint8)
        piece, shift = _cut(picture), draws.integer(-2, 2)
        rows = np.flatnonzero(piece.any(1))
        shift = max(min(shift, SIDE - 1 - int(rows[-1])), -int(rows[0])) if len(rows) else 0
        pieces += [np.roll(piece, shift, 0), np.zeros((SIDE, draws.integer(1, 8)), np.uint8)]
    line = 255 - np.concatenate(pieces, 1)
    size = (max(round(line.shape[1] * height / SIDE), 1), height)
    text = "".join(str(label) for label in digits.labels[chosen].tolist())
    return np.asarray(Image.fromarray(line).resize(size, Image.Resampling.BILINEAR)), text


def _cut(picture: Pixels) -> Pixels:
    """Return the columns of a digit from the first to the last with ink."""
    inked = np.flatnonzero((picture >= _INK).any(0))
    return picture[:, inked[0] : inked[-1] + 1] if len(inked) else picture

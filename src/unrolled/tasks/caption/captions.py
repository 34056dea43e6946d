"""A caption as a result, and its attention compared with the objects that its words name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...data.captioned import Named

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Caption:
    """One caption of a picture.

    Attributes:
        text: the caption.
        score: the ranking score, higher is better: the log-probability over the length penalty (decoding/search.py).
        log_probability: log-probability in nats, including the end token.
        tokens: the tokens.
        weights: attention weights ``(len(tokens), h, w)``; `None` without attention.
    """

    text: str
    score: float
    log_probability: float
    tokens: list[str]
    weights: Weights | None


def on_object(
    captions: Sequence[Caption], references: Sequence[Sequence[str]], named: Sequence[Sequence[Named]]
) -> float:
    """Return the mean attention on the object that a word names, over all such words of captions that equal a
    reference; nan if there are none.

    An object covers the places that its box touches.
    """
    shares = []
    for caption, texts, objects in zip(captions, references, named, strict=True):
        if caption.weights is None or caption.text not in texts:
            continue
        of, boxes = objects[list(texts).index(caption.text)]
        if len(of) != len(caption.tokens):  # tokens are not words
            continue
        for number, weights in zip(of, caption.weights, strict=True):
            if number >= 0:
                shares.append(float(weights[touched(boxes[number], *weights.shape)].sum()))
    return float(np.mean(shares)) if shares else float("nan")


def touched(box: tuple[float, float, float, float], height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns of a grid that a box touches; see `Named`."""
    left, top, right, bottom = box
    rows = slice(int(top * height), max(int(top * height) + 1, -int(-bottom * height // 1)))
    columns = slice(int(left * width), max(int(left * width) + 1, -int(-right * width // 1)))
    return rows, columns

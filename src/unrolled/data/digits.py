"""Images of digits as sequences of rows or pixels.

    mnist-rows        28 steps of 28 pixels, feasible on CPUs
    mnist-pixels      784 steps of one pixel, in scan order           Le, Jaitly and Hinton 2015, section 4.2
    mnist-permuted    784 steps, in one random permutation            the same

The target is the class at the last step. ``digits`` is a synthetic data set in the form of mnist-rows that needs no
files.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .counter import uniform
from .episodes import EpisodeArrays, Episodes, Integers
from .idx import read_idx
from .registry import fetch

SIDE, CLASSES = 28, 10
MNIST = ("mnist/train-images", "mnist/train-labels", "mnist/test-images", "mnist/test-labels")  # registry names
VALID = 5_000  # the last training images are the validation set
SYNTHETIC_SIZES = {"train": 4_000, "valid": 500, "test": 1_000}
PERMUTATION = 92_916  # seed of the permutation, for numpy's RandomState

_FONT = ("0E11111111110E", "040C040404040E", "0E11010204081F", "1F02040201110E", "02060A121F0202",
         "1F101E0101110E", "0608101E11110E", "1F010204080808", "0E11110E11110E", "0E11110F01020C")  # fmt: skip
_ORDER, _NOISE = 1 << 40, 1 << 41

Pictures = npt.NDArray[np.uint8]


class Digits(NamedTuple):
    """Images ``(N, 28, 28)`` with values 0 to 255, and labels ``(N,)``."""

    pictures: Pictures
    labels: Integers


@cache
def mnist(part: str) -> Digits:
    """Return the split ``train``, ``valid`` or ``test`` of MNIST: 55,000, 5,000 and 10,000 images.

    Raises:
        DataError: the files are neither available nor can they be downloaded.
    """
    source = "test" if part == "test" else "train"
    pictures = read_idx(fetch(f"mnist/{source}-images"), 3)
    labels = read_idx(fetch(f"mnist/{source}-labels"), 1).astype(np.int64)
    if pictures.shape[1:] != (SIDE, SIDE) or len(pictures) != len(labels) or labels.max() >= CLASSES:
        raise DataError(f"the MNIST files do not match: images have shape {pictures.shape}, labels {labels.shape}")
    if part == "test":
        return Digits(pictures, labels)
    selected = slice(-VALID, None) if part == "valid" else slice(None, -VALID)
    return Digits(pictures[selected], labels[selected])


@cache
def synthetic_digits(part: str) -> Digits:
    """Return synthetic images: digits of a 5 × 7 font at random positions and grey levels, with noise."""
    count, seed = SYNTHETIC_SIZES[part], sorted(SYNTHETIC_SIZES).index(part)
    draws = uniform(seed, np.arange(count)[:, None], np.arange(4))
    labels = (draws[:, 0] * CLASSES).astype(np.int64)
    font = np.array([[[int(row, 16) >> (4 - x) & 1 for x in range(5)] for row in _rows(text)] for text in _FONT])
    large = font.repeat(3, axis=1).repeat(3, axis=2)  # (10, 21, 15)
    pictures = uniform(seed, _NOISE, np.arange(count * SIDE * SIDE)).reshape(count, SIDE, SIDE) * 80
    for n in range(count):
        top, left = int(draws[n, 1] * (SIDE - 20)), int(draws[n, 2] * (SIDE - 14))
        pictures[n, top : top + 21, left : left + 15] += large[labels[n]] * (90 + 80 * draws[n, 3])
    return Digits(pictures.astype(np.uint8), labels)


def _rows(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(0, len(text), 2)]


class DigitSequences(Episodes):
    """Images as episodes.

    Args:
        digits: the images.
        steps: 28 for rows, 784 for pixels.
        permuted: whether to permute the pixels.
        batch_size: number of lanes; episode n of lane b is image n · batch_size + b of an epoch.
        seed: seed of the shuffled order, different in each epoch; `None`: not shuffled.
    """

    kind = "class"
    outputs, targets_per_episode = CLASSES, 1.0

    def __init__(self, digits: Digits, steps: int, permuted: bool, batch_size: int, seed: int | None) -> None:
        self.digits, self.steps, self.batch_size, self.seed = digits, steps, batch_size, seed
        self.input_size, self.mean_length, self.per_pass = SIDE * SIDE // steps, float(steps), len(digits.labels)
        self.order = permutation() if permuted else None
        self._drawn: tuple[int | None, Integers] = (None, np.zeros(0, np.int64))  # epoch, and its order

    def lengths(self, lanes: Integers, numbers: Integers) -> Integers:
        return np.full(len(lanes), self.steps)

    def make(self, lanes: Integers, numbers: Integers) -> EpisodeArrays:
        chosen = self.chosen(lanes, numbers)
        flat = self.digits.pictures[chosen].reshape(len(chosen), -1)  # (N, 784)
        if self.order is not None:
            flat = flat[:, self.order]
        inputs = flat.reshape(len(chosen), self.steps, -1).swapaxes(0, 1).astype(np.float32) / np.float32(255)
        targets, where = np.zeros(inputs.shape[:2], np.int64), np.zeros(inputs.shape[:2], np.bool_)
        targets[-1], where[-1] = self.digits.labels[chosen], True
        return EpisodeArrays(inputs, targets, where, np.full(len(chosen), self.steps))

    def chosen(self, lanes: Integers, numbers: Integers) -> Integers:
        """Return the indices of the images of these episodes, ``(N,)``."""
        epochs, positions = np.divmod(numbers * self.batch_size + lanes, self.per_pass)
        if self.seed is None:
            return positions
        chosen = np.zeros_like(positions)
        for epoch in np.unique(epochs).tolist():
            if self._drawn[0] != epoch:
                draws = uniform(self.seed, _ORDER, epoch, np.arange(self.per_pass))
                self._drawn = epoch, draws.argsort(kind="stable")
            chosen[epochs == epoch] = self._drawn[1][positions[epochs == epoch]]
        return chosen


def permutation() -> Integers:
    """Return the permutation of the 784 pixels in mnist-permuted."""
    return np.random.RandomState(PERMUTATION).permutation(SIDE * SIDE)

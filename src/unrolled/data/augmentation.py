"""Augmentation: random changes of pictures that keep their class, as pure functions of seed and step.

    flip      mirror left and right, with probability 1/2
    shift     move by up to s pixels in both directions; the border is mirrored (Krizhevsky et al. 2012)
    crop      cut out a part of at least this fraction of the area, and enlarge it (Szegedy et al. 2015)
    rotate    turn by up to this many degrees
    cutout    cover a square of c × c pixels with the mean colour (DeVries and Taylor 2017)

Numbers are drawn by (seed, step, place in the batch), so a resumed run sees the same pictures. All frames of a clip
have the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ArgumentError
from .counter import uniform
from .pictures import Pixels

# B pictures, h × w pixels, C channels

_AUGMENT = 0xA06  # random stream
_DRAWS = 8

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Changes:
    """How pictures are changed at random; see the module. The default changes nothing.

    Raises:
        ArgumentError: a number is out of range.
    """

    shift: int = 0
    flip: bool = False
    crop: float = 1.0
    rotate: float = 0.0
    cutout: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ArgumentError("crop", "a fraction of the area above 0 and at most 1 (1: whole pictures)", self.crop)
        if not 0 <= self.rotate <= 180:
            raise ArgumentError("rotate", "degrees from 0 to 180", self.rotate)
        for name in ("shift", "cutout"):
            if getattr(self, name) < 0:
                raise ArgumentError(name, "a number of pixels of at least 0", getattr(self, name))


def augmented(
    pixels: Pixels,
    changes: Changes,
    mean: npt.NDArray[np.float64],
    seed: int,
    step: int,
    lengths: npt.NDArray[np.int64] | None = None,
) -> Pixels:
    """Return a batch of pictures ``(B, h, w, C)`` with random changes.

    Args:
        pixels: the batch.
        changes: which changes.
        mean: the mean colour ``(C,)``, which covers what is cut out.
        seed: the seed of the run.
        step: the number of the training step.
        lengths: the pictures are the frames of clips of these lengths, which are changed alike.
    """
    count = len(pixels) if lengths is None else len(lengths)
    draws = uniform(seed, _AUGMENT, step, np.arange(count)[:, None], np.arange(_DRAWS))
    if lengths is not None:
        draws = draws.repeat(lengths, axis=0)
    if changes.crop < 1 or changes.rotate:
        pixels = _resampled(pixels, changes, draws)
    if changes.shift or changes.flip:
        pixels = _moved(pixels, changes, draws)
    return _covered(pixels, changes.cutout, mean, draws) if changes.cutout else pixels


def _moved(pixels: Pixels, changes: Changes, draws: Numbers) -> Pixels:
    """Shift and mirror pictures by whole pixels."""
    _, h, w, _ = pixels.shape
    reach = min(changes.shift, h - 1, w - 1)
    around = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach), (0, 0)), "reflect")
    top, left = (np.floor(draws[:, at] * (2 * reach + 1)).astype(int).tolist() for at in (0, 1))
    mirrored = (changes.flip & (draws[:, 2] < 0.5)).tolist()
    moved = np.empty_like(pixels)
    for n, (y, x) in enumerate(zip(top, left, strict=True)):
        part = around[n, y : y + h, x : x + w]
        moved[n] = part[:, ::-1] if mirrored[n] else part
    return moved


def _covered(pixels: Pixels, side: int, mean: npt.NDArray[np.float64], draws: Numbers) -> Pixels:
    """Cover a square around a random pixel; at the border a part of it is outside."""
    _, h, w, _ = pixels.shape
    covered, colour = pixels.copy(), np.rint(mean).astype(np.uint8)
    middles = np.floor(draws[:, 3:5] * (h, w)).astype(int).tolist()
    for n, (y, x) in enumerate(middles):
        top, left = y - side // 2, x - side // 2
        covered[n, max(0, top) : top + side, max(0, left) : left + side] = colour
    return covered


def _resampled(pixels: Pixels, changes: Changes, draws: Numbers) -> Pixels:
    """Crop and turn pictures, between pixels by bilinear interpolation; the border is mirrored."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    h, w = x.shape[2:]
    area = torch.from_numpy(changes.crop + (1 - changes.crop) * draws[:, 5])
    scale, turn = area.sqrt(), torch.from_numpy(math.radians(changes.rotate) * (2 * draws[:, 6] - 1))
    free = 1 - scale  # how far the middle of the part may be from the middle, in halves of the picture
    theta = torch.zeros(len(x), 2, 3, dtype=torch.float64)
    theta[:, 0, 0] = theta[:, 1, 1] = scale * turn.cos()
    theta[:, 0, 1], theta[:, 1, 0] = -scale * turn.sin() * h / w, scale * turn.sin() * w / h
    theta[:, 0, 2] = free * torch.from_numpy(2 * draws[:, 7] - 1)
    theta[:, 1, 2] = free * torch.from_numpy(2 * (draws[:, 7] * 4096 % 1) - 1)
    grid: Tensor = F.affine_grid(theta.float(), list(x.shape), align_corners=False)
    out = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    found: Pixels = out.round_().clamp_(0, 255).permute(0, 2, 3, 1).to(torch.uint8).numpy()
    return found

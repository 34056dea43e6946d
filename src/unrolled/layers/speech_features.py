"""Normalised log-mel frames, and frames stacked by s: the input side of networks for speech.

    whole     x_t = (y_t - μ) / σ                       μ, σ: mean and deviation of each band over the recording
    running   x_t = (y_t - μ_t) / σ_t                   over the frames up to t, and n₀ frames of the training data:
              μ_t = (n₀ μ₀ + Σ_{r ≤ t} y_r) / (n₀ + t)  a stream is normalised without delay
    stacked   e_k = [x_{sk}, …, x_{sk+s-1}]             K = ⌈T / s⌉, zeros past the end

A recording has the same numbers in any batch, and in a stream the same as at once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import check_size

# B recordings, T frames, N bands, K stacked frames

PRIOR = 100  # n₀
LEAST = 0.1  # deviation


class Heard(NamedTuple):
    """What a stream was normalised with so far: the number of frames, their sums ``(B, N)`` and sums of squares."""

    frames: float
    total: Tensor
    squares: Tensor


class SpeechFeatures(nn.Module):
    """Normalises frames ``(B, T, N)``.

    Args:
        bands: N.
        running: normalise over the frames so far, for streams.

    Raises:
        ArgumentError: the size is less than 1.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, bands: int = 40, *, running: bool = False) -> None:
        super().__init__()
        check_size("bands", bands)
        self.running = running
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("deviation", torch.ones(bands))

    def measure(self, frames: Tensor) -> None:
        """Set the mean and deviation of the training data, from frames ``(T, N)``."""
        self.mean.copy_(frames.double().mean(0))
        self.deviation.copy_(frames.double().std(0, correction=0))

    def forward(self, y: Tensor, inside: Tensor) -> Tensor:
        """Return frames ``y (B, T, N)``, normalised; ``inside (B, T)`` is true up to the end of each recording."""
        y = torch.where(inside[..., None], y, 0)
        return self.step(y, self.before(len(y)))[0] if self.running else _whole(y, inside[..., None])

    def before(self, batch_size: int) -> Heard:
        """Return the state before the first frame of a stream: that of n₀ frames of the training data."""
        mean = self.mean.double()
        total = (PRIOR * mean).expand(batch_size, -1)
        squares = (PRIOR * (self.deviation.double() ** 2 + mean**2)).expand(batch_size, -1)
        return Heard(PRIOR, total, squares)

    def step(self, y: Tensor, heard: Heard) -> tuple[Tensor, Heard]:
        """Return the next frames ``(B, T, N)`` of a stream, normalised, and the new state."""
        counts = heard.frames + torch.arange(1, y.size(1) + 1, device=y.device, dtype=torch.float64)[:, None]
        total = heard.total[:, None] + y.double().cumsum(1)
        squares = heard.squares[:, None] + y.double().square().cumsum(1)
        mean = total / counts
        deviation = (squares / counts - mean**2).clamp_min(LEAST**2).sqrt()
        return ((y - mean) / deviation).to(y.dtype), Heard(heard.frames + y.size(1), total[:, -1], squares[:, -1])


def _whole(y: Tensor, inside: Tensor) -> Tensor:
    """Return frames normalised over their recording; ``y`` is 0 past its end."""
    counts = inside.sum(1, keepdim=True).clamp_min(1)
    mean = y.sum(1, keepdim=True) / counts
    squares = torch.where(inside, y - mean, 0).square().sum(1, keepdim=True)
    return (y - mean) / (squares / counts).sqrt().clamp_min(LEAST)


def stacked(x: Tensor, count: int) -> Tensor:
    """Return vectors ``(B, T, E)`` stacked by ``count``, time first: ``(K, B, count · E)``."""
    B, T, E = x.shape
    x = F.pad(x, (0, 0, 0, -T % count))
    return x.reshape(B, -1, count * E).transpose(0, 1)

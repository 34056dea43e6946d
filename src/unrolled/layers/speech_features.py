"""The input side of networks for speech: log-mel frames, normalised, and stacked by s.

    whole     x_t = (y_t - μ) / σ                       μ, σ: mean and deviation of each band over the recording
    running   x_t = (y_t - μ_t) / σ_t                   over the frames up to t, and n₀ frames of the training data:
              μ_t = (n₀ μ₀ + Σ_{r ≤ t} y_r) / (n₀ + t)  a stream is normalised as it comes
    stacked   e_k = [x_{sk}, …, x_{sk+s-1}]             K = ⌈T / s⌉ frames of 40 s numbers, zeros past the end

A recording has the same numbers in any batch, and in a stream the same as at once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..cells import check_size

# B recordings, T frames, N bands, K stacked frames

PRIOR = 100  # n₀
LEAST = 0.1  # deviation


class Heard(NamedTuple):
    """What a stream was normalised with so far: the number of frames, their sums ``(B, N)`` and sums of squares."""

    count: float
    total: Tensor
    squares: Tensor


class SpeechFeatures(nn.Module):
    """Frames ``(B, T, N)`` → inputs of a network ``(K, B, s N)``.

    Args:
        bands: N.
        stacked: s.
        running: normalise over the frames so far, for streams.

    Raises:
        ArgumentError: a size is less than 1.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, bands: int = 40, stacked: int = 2, *, running: bool = False) -> None:
        super().__init__()
        check_size("bands", bands)
        check_size("stacked", stacked)
        self.bands, self.stacked, self.running = bands, stacked, running
        self.output_size = bands * stacked
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("deviation", torch.ones(bands))

    def frames(self, lengths: Tensor) -> Tensor:
        """Return the number of stacked frames of recordings with these numbers of frames."""
        return -(-lengths // self.stacked)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the inputs ``(K, B, s N)`` of recordings ``(B, T, N)`` with ``lengths (B,)``; padding gives 0."""
        inside = (torch.arange(frames.size(1), device=frames.device) < lengths.to(frames.device)[:, None])[..., None]
        y = torch.where(inside, frames, 0)
        x = self.normalised(y, self.before(len(y)))[0] if self.running else _whole(y, inside)
        return self.stack(torch.where(inside, x, 0))

    def stack(self, x: Tensor) -> Tensor:
        """Return frames ``(B, T, N)`` stacked, ``(K, B, s N)``."""
        B, T, N = x.shape
        x = nn.functional.pad(x, (0, 0, 0, -T % self.stacked))
        return x.reshape(B, -1, self.stacked * N).transpose(0, 1)

    def before(self, batch_size: int) -> Heard:
        """Return the state before the first frame of a stream: that of n₀ frames of the training data."""
        total = (PRIOR * self.mean).expand(batch_size, -1)
        squares = (PRIOR * (self.deviation**2 + self.mean**2)).expand(batch_size, -1)
        return Heard(PRIOR, total, squares)

    def normalised(self, y: Tensor, heard: Heard) -> tuple[Tensor, Heard]:
        """Return the next frames ``(B, T, N)`` of a stream, normalised, and the new state."""
        counts = heard.count + torch.arange(1, y.size(1) + 1, device=y.device, dtype=torch.float64)[:, None]
        total = heard.total[:, None] + y.double().cumsum(1)
        squares = heard.squares[:, None] + y.double().square().cumsum(1)
        mean = total / counts
        deviation = (squares / counts - mean**2).clamp_min(LEAST**2).sqrt()
        found = ((y - mean) / deviation).to(y.dtype)
        if not y.size(1):
            return found, heard
        return found, Heard(heard.count + y.size(1), total[:, -1], squares[:, -1])


def _whole(y: Tensor, inside: Tensor) -> Tensor:
    """Return frames normalised over their recording; ``y`` is 0 past its end."""
    counts = inside.sum(1, keepdim=True).clamp_min(1)
    mean = y.sum(1, keepdim=True) / counts
    squares = torch.where(inside, y - mean, 0).square().sum(1, keepdim=True)
    return (y - mean) / (squares / counts).sqrt().clamp_min(LEAST)

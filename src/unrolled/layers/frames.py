"""Encoders of video frames: the frames of clips of different lengths in, a sequence of vectors out.

    (1) d_t = x_t − x_{t−1}                     the change since the frame before; d_1 = 0
    (2) g_t = blocks of convolutions over [x_t, d_t]            (F, h', w'), see `Convolutions`
    (3) e_t = ReLU(n(W g_t + b))                g_t as one vector: it depends on where something is in the picture

n subtracts the mean of the vector and divides it by its deviation. Without it most units of (3) end at 0 for every
frame: their inputs are never negative, and a step that lowers one weight usually lowers all.

All frames of a batch are one array ``(N, …)``, clip by clip, N = Σ_b L_b: no convolution is spent on padding. Only the
vectors e_t are padded, to ``(T, B, E)``, for the recurrent layers.

Donahue et al. 2015 (LRCN): a convolutional network under a recurrent one; Simonyan and Zisserman 2014: motion as
further channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import check_size
from .convolution import Convolutions

# N frames of all clips, T steps, B clips, L_b frames of clip b, C channels, H × W pixels, E width of a frame's vector

AT_ONCE = 512  # frames of one pass through the convolutions, without gradients


class Before(NamedTuple):
    """What a step needs of the frames before it: the last one ``(B, C, H, W)``, and their number ``(B,)``."""

    frame: Tensor
    steps: Tensor


class FrameEncoder(nn.Module):
    """A convolutional network over frames and their changes: pixels ``(N, H, W, C)`` → vectors ``(N, E)``.

    Args:
        channels: C, 1 or 3.
        size: H and W.
        maps: the feature maps of each block of convolutions.
        depth: convolutions of a block.
        kernel_size: width of the filters, odd.
        width: E.
        differences: add the change since the frame before (1) as C further channels.

    Raises:
        ArgumentError: a size is invalid, or the frames are too small for the number of blocks.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        maps: Sequence[int] = (16, 32, 64),
        *,
        depth: int = 1,
        kernel_size: int = 3,
        width: int = 128,
        differences: bool = True,
    ) -> None:
        super().__init__()
        check_size("width", width)
        self.register_buffer("mean", torch.full((channels,), 0.5))
        self.register_buffer("deviation", torch.full((channels,), 0.25))
        self.differences, self.output_size = differences, width
        self.features = Convolutions(
            channels * (1 + differences), tuple(maps), depth=depth, kernel_size=kernel_size, norm=True
        )
        h, w = self.features.grid_size(*size)
        self.project = nn.Linear(maps[-1] * h * w, width)

    def forward(self, pixels: Tensor, lengths: Tensor) -> Tensor:
        """Return e ``(T, B, E)`` of the frames ``(N, H, W, C)`` uint8 of clips with ``lengths (B,)``; 0 at padding."""
        return padded(self.encode(pixels, lengths), lengths)

    def encode(self, pixels: Tensor, lengths: Tensor) -> Tensor:
        """Return e ``(N, E)`` without padding."""
        x = self.normalised(pixels)
        if self.differences:
            x = torch.cat([x, changes(x, lengths)], 1)
        if torch.is_grad_enabled():
            return self._vectors(x)
        return torch.cat([self._vectors(part) for part in x.split(AT_ONCE)])

    def before(self, batch_size: int, pixels: Tensor) -> Before:
        """Return the state before the first frame of ``batch_size`` streams, for frames like ``pixels``."""
        frame = self.normalised(pixels[:1].expand(batch_size, *pixels.shape[1:]))
        return Before(torch.zeros_like(frame), torch.zeros(batch_size, dtype=torch.int64, device=frame.device))

    def step(self, pixels: Tensor, before: Before) -> tuple[Tensor, Before]:
        """Return e ``(B, E)`` of the next frame ``(B, H, W, C)`` of each stream, and the new state."""
        x = self.normalised(pixels)
        change = (x - before.frame) * (before.steps > 0)[:, None, None, None]
        seen = torch.cat([x, change], 1) if self.differences else x
        return self._vectors(seen), Before(x, before.steps + 1)

    def normalised(self, pixels: Tensor) -> Tensor:
        """Return x ``(N, C, H, W)`` of pixels ``(N, H, W, C)``: 0..1, less the mean, divided by the deviation."""
        x = (pixels.to(self.mean.dtype) / 255 - self.mean) / self.deviation
        return x.permute(0, 3, 1, 2)

    def normalise_by(self, pixels: Tensor) -> None:
        """Take mean and deviation of each channel from some training frames ``(N, H, W, C)``."""
        values = pixels.to(torch.float64).flatten(0, 2) / 255
        self.mean.copy_(values.mean(0))
        self.deviation.copy_(values.std(0, correction=0).clamp(min=1 / 255))

    def _vectors(self, x: Tensor) -> Tensor:
        return active(self.project(self.features(x).flatten(1)))  # (2), (3)


class FeatureEncoder(nn.Module):
    """One layer over features of frames and their changes: ``(N, F)`` → vectors ``(N, E)``.

    Args:
        features: F.
        width: E.
        differences: add the change since the frame before as F further numbers.
    """

    def __init__(self, features: int, *, width: int = 128, differences: bool = True) -> None:
        super().__init__()
        check_size("width", width)
        self.differences, self.output_size = differences, width
        self.project = nn.Linear(features * (1 + differences), width)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Return e ``(T, B, E)`` of the features ``(N, F)`` of clips with ``lengths (B,)``; 0 at padding."""
        return padded(self.encode(features, lengths), lengths)

    def encode(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Return e ``(N, E)`` without padding."""
        x = features.to(self.project.weight.dtype)
        seen = torch.cat([x, changes(x, lengths)], 1) if self.differences else x
        return active(self.project(seen))

    def before(self, batch_size: int, features: Tensor) -> Before:
        """Return the state before the first frame of ``batch_size`` streams, for frames like ``features``."""
        frame = torch.zeros(batch_size, *features.shape[1:], dtype=self.project.weight.dtype, device=features.device)
        return Before(frame, torch.zeros(batch_size, dtype=torch.int64, device=features.device))

    def step(self, features: Tensor, before: Before) -> tuple[Tensor, Before]:
        """Return e ``(B, E)`` of the next frame ``(B, F)`` of each stream, and the new state."""
        x = features.to(self.project.weight.dtype)
        change = (x - before.frame) * (before.steps > 0)[:, None]
        seen = torch.cat([x, change], 1) if self.differences else x
        return active(self.project(seen)), Before(x, before.steps + 1)


def active(x: Tensor) -> Tensor:
    """Return ReLU(n(x)) of vectors ``(…, E)``, see (3)."""
    return F.layer_norm(x, x.shape[-1:]).relu()


def firsts(lengths: Tensor) -> Tensor:
    """Return the index of the first frame of each clip ``(B,)``.

    >>> firsts(torch.tensor([2, 3, 1])).tolist()
    [0, 2, 5]
    """
    return lengths.cumsum(0) - lengths


def changes(x: Tensor, lengths: Tensor) -> Tensor:
    """Return (1): the change of each frame ``(N, …)`` since the one before it in its clip; 0 for the first."""
    d = torch.zeros_like(x)
    d[1:] = x[1:] - x[:-1]
    d[firsts(lengths)] = 0
    return d


def places(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the step and the clip of each frame, both ``(N,)``.

    >>> [part.tolist() for part in places(torch.tensor([2, 3]))]
    [[0, 1, 0, 1, 2], [0, 0, 1, 1, 1]]
    """
    clip = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
    return torch.arange(len(clip), device=lengths.device) - firsts(lengths)[clip], clip


def padded(flat: Tensor, lengths: Tensor) -> Tensor:
    """Return ``(N, …)`` of all clips as ``(T, B, …)``, 0 at padding."""
    out = flat.new_zeros(int(lengths.max()), len(lengths), *flat.shape[1:])
    return out.index_put(places(lengths), flat)


def flattened(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Return ``(T, B, …)`` without its padding, as ``(N, …)``: the inverse of `padded`."""
    return sequences[places(lengths)]

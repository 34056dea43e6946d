"""The predictor of frames: given frames in, logits of the pixels of the next ones out.

    u_t = patches of x_t as channels (B, p²C, h, w),  h = H/p, w = W/p     x_t: pixels from 0 to 1
    v_t = leaky ReLU(W ∗ [u_t, u_t − u_{t−1}])         (B, M_1, h, w)      the frame, and its change
    f_n = encoder–forecaster of v                      (B, M_1, h, w)
    m_n = copies of the frame before, moved by filters computed from f_n   (B, K p²C, h, w), see layers/motion.py
    z_n = V ∗ [leaky ReLU(U ∗ [f_n, m_n]), m_n]        (B, p²C, h, w), whose places are patches of the logits
    prediction σ(z_n)

Frames whose sides are no multiples of the patch and of all scales are padded with zeros on the right and below.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.forecaster import SLOPE, EncoderForecaster
from ...layers.motion import Motion
from .config import Network

# B clips, T given frames, N predicted frames, H × W pixels, C channels, p pixels of a patch's side


SEEN = 2.0  # initial weight of the moved copies in the logits


class FramePredictor(nn.Module):
    """``frames (B, T, H, W, C)``, from 0 to 1 → logits of the next ones ``(B, N, H, W, C)``.

    Args:
        channels: C.
        options: the network.
        size: H and W, of the buffer ``mean_frame``, the mean training frame.
    """

    mean_frame: Tensor

    def __init__(self, channels: int, options: Network, size: tuple[int, int]) -> None:
        super().__init__()
        self.patch, self.coarsest = options.patch, options.patch << (len(options.maps) - 1)
        width, finest = options.patch**2 * channels, options.maps[0]
        self.register_buffer("mean_frame", torch.full((*size, channels), 0.5))
        self.input = nn.Conv2d(2 * width, finest, 3, padding=1)
        self.layers = EncoderForecaster(
            finest,
            options.maps,
            cell=options.cell,
            kernel_size=options.kernel_size,
            feedback=finest if options.feedback else 0,
        )
        copies = options.motions
        self.motion = Motion(finest, options.patch, copies) if copies else None
        self.hidden = nn.Conv2d(finest + copies * width, finest, 3, padding=1)
        self.output = nn.Conv2d(finest + copies * width, width, 1)
        self.act = nn.LeakyReLU(SLOPE)
        if copies:
            with torch.no_grad():
                self.output.weight[:, finest:, 0, 0] = torch.eye(width).repeat(1, copies) * SEEN / copies

    @torch.no_grad()
    def begin_with(self, mean: Tensor) -> None:
        """Take the mean training frame ``(H, W, C)``; the mean of its pixels becomes the first prediction."""
        self.mean_frame.copy_(mean)
        bright = mean.mean((0, 1)).clamp(0.001, 0.999)  # (C,)
        self.output.bias = nn.Parameter(torch.logit(bright).repeat_interleave(self.patch**2))

    def forward(self, frames: Tensor, steps: int, truth: Tensor | None = None, chosen: Tensor | None = None) -> Tensor:
        """Return the logits of the next frames. Channels of a patch: all pixels of the first channel, then the second.

        Args:
            frames: the given frames.
            steps: N.
            truth: the true next frames ``(B, N, H, W, C)``, for scheduled sampling.
            chosen: ``(N, B)`` bool, where the forecaster reads the true frame; `None`: nowhere.
        """
        size = frames.shape[2], frames.shape[3]
        u = self.patches(frames)  # (T, B, p²C, h, w)
        now = self.layers.encode(self.features(u, torch.cat([u[:1], u[:-1]])))
        if not self.layers.feedback:
            features = self.layers.forecast(now, steps)
            return self.pixels(self.logits(features.flatten(0, 1)).unflatten(0, features.shape[:2]), size)
        true = None if truth is None else self.patches(truth)
        before, last, found = u[-2:-1] if len(u) > 1 else u[-1:], u[-1:], list[Tensor]()
        for n in range(steps):
            y, now = self.layers.step(now, self.features(last, before)[0])
            found.append(self.logits(y, last[0]))
            own = torch.sigmoid(found[-1].float())
            if true is not None and chosen is not None:
                own = torch.where(chosen[n, :, None, None, None], true[n], own)
            before, last = last, own[None]
        return self.pixels(torch.stack(found), size)

    def features(self, u: Tensor, before: Tensor) -> Tensor:
        """Return v ``(T, B, M_1, h, w)`` of patches and those of the frames before."""
        x = torch.cat([u, u - before], 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        y: Tensor = self.act(self.input(x))
        return y.unflatten(0, u.shape[:2])

    def logits(self, features: Tensor, before: Tensor | None = None) -> Tensor:
        """Return z ``(B, p²C, h, w)`` of features ``(B, M_1, h, w)`` and the patches of the frame before."""
        moved = []
        if self.motion is not None and before is not None:
            copies = self.motion(F.pixel_shuffle(before, self.patch), features)
            moved.append(F.pixel_unshuffle(copies, self.patch))
        y = self.act(self.hidden(torch.cat([features, *moved], 1)))
        z: Tensor = self.output(torch.cat([y, *moved], 1))
        return z

    def patches(self, frames: Tensor) -> Tensor:
        """Return u ``(T, B, p²C, h, w)`` of frames ``(B, T, H, W, C)``."""
        x = frames.permute(1, 0, 4, 2, 3)
        below, right = (-size % self.coarsest for size in x.shape[3:])
        if below or right:
            x = F.pad(x, (0, right, 0, below))
        return F.pixel_unshuffle(x, self.patch)

    def pixels(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        """Return logits ``(B, N, H, W, C)`` of z ``(N, B, p²C, h, w)``."""
        whole = F.pixel_shuffle(z, self.patch)[..., : size[0], : size[1]]
        return whole.permute(1, 0, 3, 4, 2)


def frame_loss(logits: Tensor, y: Tensor, objective: str) -> Tensor:
    """Return the mean loss of a frame, in sum over its pixels, of logits and true frames ``(B, N, H, W, C)``."""
    frames = math.prod(y.shape[:2])
    total = torch.zeros((), device=logits.device)
    if objective in ("cross-entropy", "both"):
        total = total + F.binary_cross_entropy_with_logits(logits, y, reduction="sum")
    if objective in ("mse", "both"):
        total = total + (torch.sigmoid(logits) - y).square().sum()
    return total / frames

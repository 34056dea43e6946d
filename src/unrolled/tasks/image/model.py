"""The classifier: pixels in, a logit for each class out.

x = (pixels / 255 − m) / s  (B, C, h, w), m and s the mean and the deviation of each channel in the training pictures
y = blocks of convolutions (B, F, h', w')
v = mean or maximum of y over its places (B, F)
z = W v + b (B, K)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ...data.pictures import Pixels
from ...layers import Convolutions
from .config import Network

# B pictures, C channels, h × w pixels, F feature maps, K classes


class ImageClassifier(nn.Module):
    """``pixels (B, h, w, C)`` uint8 → logits ``(B, K)``.

    Args:
        channels: C.
        classes: K.
        options: the network.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, classes: int, options: Network) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((channels,), 0.5))
        self.register_buffer("deviation", torch.full((channels,), 0.25))
        self.features = Convolutions(
            channels,
            options.maps,
            kernel_size=options.kernel_size,
            depth=options.depth,
            residual=options.residual,
            norm=options.norm,
        )
        self.pooling = options.pooling
        self.drop = nn.Dropout(options.dropout)
        self.head = nn.Linear(self.features.output_size, classes)

    @torch.no_grad()
    def normalise_by(self, pixels: Pixels) -> None:
        """Take mean and deviation of each channel from training pictures ``(N, h, w, C)``."""
        counts = [np.bincount(pixels[..., c].reshape(-1), minlength=256) for c in range(pixels.shape[3])]
        values = np.arange(256) / 255
        means = [(count * values).sum() / count.sum() for count in counts]
        deviations = [
            np.sqrt((count * (values - mean) ** 2).sum() / count.sum())
            for count, mean in zip(counts, means, strict=True)
        ]
        self.mean.copy_(torch.tensor(means))
        self.deviation.copy_(torch.tensor(deviations).clamp(min=1 / 255))

    def normalised(self, pixels: Tensor) -> Tensor:
        """Return x ``(B, C, h, w)`` of pixels ``(B, h, w, C)``."""
        x = (pixels.to(self.mean.dtype) / 255 - self.mean) / self.deviation
        return x.permute(0, 3, 1, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.answer(self.normalised(pixels))

    def answer(self, x: Tensor) -> Tensor:
        """Return logits ``(B, K)`` of normalised pictures ``(B, C, h, w)``."""
        return self.classify(self.features(x))

    def classify(self, grid: Tensor) -> Tensor:
        """Return logits ``(B, K)`` of features ``(B, F, h', w')``."""
        v = grid.mean((2, 3)) if self.pooling == "mean" else grid.amax((2, 3))
        logits: Tensor = self.head(self.drop(v))
        return logits

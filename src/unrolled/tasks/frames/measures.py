"""How good predicted frames are, in the conventions of the literature on Moving MNIST.

With pixels from 0 to 1, true frame y and prediction p, H × W pixels of C channels:

    mse    Σ (y − p)²                              over the pixels of a frame, in mean over frames (Shi et al. 2015)
    mae    Σ |y − p|                               likewise
    nats   −Σ y log p + (1 − y) log(1 − p)         likewise: the binary cross-entropy of grey targets (Srivastava et al.
                                                   2015, section 4.2); its least value is the entropy of the targets
    ssim   structural similarity (Wang et al. 2004, eq. 13), in mean over windows of 7 × 7 pixels, channels and frames:
           uniform windows, sample covariances, K₁ = 0.01, K₂ = 0.03, as scikit-image computes it by default
    psnr   10 log₁₀ (1 / mean (y − p)²)            in decibels, in mean over frames; at most 100 for a frame
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...training.metrics import LOSS, Metric

METRICS = (
    LOSS._replace(label="nats per frame", format=".1f", shown=False),
    Metric("mse", "MSE", ".1f"),
    Metric("nats", "nats", ".1f"),
    Metric("ssim", "SSIM", ".3f", larger_is_better=True),
    Metric("mae", "MAE", ".1f", shown=False),
    Metric("psnr", "dB PSNR", ".2f", larger_is_better=True, shown=False),
)
NAMES = tuple(metric.name for metric in METRICS if metric.name != "loss")
WINDOW = 7  # pixels of a side
K1, K2 = 0.01, 0.03
MOST_DECIBELS = 100.0

# N clips, T frames, H × W pixels, C channels


class Sums:
    """Sums of the measures over clips, one for each predicted frame of a clip.

    Args:
        frames: T.
    """

    def __init__(self, frames: int) -> None:
        self.count = 0
        self.totals = torch.zeros(len(NAMES), frames, dtype=torch.float64)

    def add(self, y: Tensor, p: Tensor) -> None:
        """Add clips: true frames and predictions ``(N, T, H, W, C)``, from 0 to 1."""
        found = measured(y, p)
        self.totals += torch.stack([found[name].double().sum(0).cpu() for name in NAMES])
        self.count += len(y)

    def by_frame(self) -> dict[str, list[float]]:
        """Return the mean over clips of each measure for each frame, T numbers."""
        return dict(zip(NAMES, (self.totals / self.count).tolist(), strict=True))

    def mean(self) -> dict[str, float]:
        """Return the mean over clips and frames of each measure."""
        return dict(zip(NAMES, (self.totals.mean(1) / self.count).tolist(), strict=True))


def measured(y: Tensor, p: Tensor) -> dict[str, Tensor]:
    """Return each measure for each frame, ``(N, T)``, of true frames and predictions ``(N, T, H, W, C)``."""
    error = (y - p).flatten(2)
    square = error.square()
    least = 10 ** (-MOST_DECIBELS / 10)
    return {
        "mse": square.sum(2),
        "nats": F.binary_cross_entropy(p, y, reduction="none").flatten(2).sum(2),
        "ssim": ssim(y, p),
        "mae": error.abs().sum(2),
        "psnr": -10 * square.mean(2).clamp(min=least).log10(),
    }


def ssim(y: Tensor, p: Tensor) -> Tensor:
    """Return the structural similarity of each frame, ``(N, T)``; see the module.

    Frames with a side of fewer than 7 pixels have one window as large as they are.
    """
    N, T, H, W, C = y.shape
    y, p = (frames.double().movedim(-1, 2).reshape(-1, 1, H, W) for frames in (y, p))
    size = min(WINDOW, H), min(WINDOW, W)
    count = size[0] * size[1]
    mean_y, mean_p, square_y, square_p, product = (_averaged(v, size) for v in (y, p, y * y, p * p, y * p))
    scale = count / max(1, count - 1)
    var_y, var_p = (scale * (square - mean * mean) for square, mean in ((square_y, mean_y), (square_p, mean_p)))
    covariance = scale * (product - mean_y * mean_p)
    c1, c2 = K1**2, K2**2
    likeness = (2 * mean_y * mean_p + c1) * (2 * covariance + c2)
    similarity = likeness / ((mean_y**2 + mean_p**2 + c1) * (var_y + var_p + c2))
    return similarity.mean((1, 2, 3)).view(N, T, C).mean(2)


def _averaged(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the means of windows of this height and width, first over rows, then over columns."""
    return F.avg_pool2d(F.avg_pool2d(frames, (size[0], 1), 1), (1, size[1]), 1)

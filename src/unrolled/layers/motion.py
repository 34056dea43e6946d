"""Motion of a frame by filters that the network computes: dynamic filters (De Brabandere et al. 2016).

    (1) k_v, k_h = softmax(W f + b)        for each patch and copy a vertical and a horizontal filter of 2p + 1 weights
    (2) y[r, s] = Σ_ij k_v[i] k_h[j] x[r + i − p, s + j − p]           zero outside the frame

Each patch of p × p pixels moves as a whole, by at most p pixels in each direction; a filter with one weight of 1 is a
shift. Several copies can move in different directions. Separable filters: Niklaus et al. 2017.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..cells import check_size
from ..checks import checked

# B frames, F features, C channels, h × w patches of p × p pixels, K copies, O = 2p + 1 weights of a filter

STILL = 3.0  # initial bias of a filter's middle weight: copies begin near the frame itself


class Motion(nn.Module):
    """Copies of a frame ``(B, C, h·p, w·p)``, moved as features ``(B, F, h, w)`` say: ``(B, K·C, h·p, w·p)``.

    Args:
        features: F.
        patch: p.
        copies: K.

    Raises:
        ArgumentError: a size is invalid.
    """

    @checked
    def __init__(self, features: int, patch: int, copies: int = 2) -> None:
        super().__init__()
        for name, value in (("features", features), ("patch", patch), ("copies", copies)):
            check_size(name, value)
        self.patch, self.copies = patch, copies
        self.filters = nn.Conv2d(features, copies * 2 * (2 * patch + 1), 1)
        bias = torch.zeros(copies, 2, 2 * patch + 1)
        bias[:, :, patch] = STILL
        self.filters.bias = nn.Parameter(bias.flatten())

    def forward(self, frame: Tensor, features: Tensor) -> Tensor:
        p, K = self.patch, self.copies
        B, C = frame.shape[:2]
        h, w = features.shape[2:]
        weights = self.filters(features).float().view(B, K, 2, 2 * p + 1, h, w).softmax(3)  # (1)
        vertical, horizontal = weights.permute(2, 0, 1, 4, 5, 3)  # (B, K, h, w, O) each
        around = F.pad(frame.float(), (p, p, p, p)).unfold(2, 3 * p, p).unfold(3, 3 * p, p)  # (B, C, h, w, 3p, 3p)
        columns = around.unfold(4, 2 * p + 1, 1)  # (B, C, h, w, p, 3p, O)
        moved = torch.einsum("bchwrso,bkhwo->bkchwrs", columns, vertical)
        moved = torch.einsum("bkchwrso,bkhwo->bkchrws", moved.unfold(6, 2 * p + 1, 1), horizontal)  # (2)
        return moved.reshape(B, K * C, h * p, w * p)

"""Which places of a picture a classifier's answer depends on: occlusion maps, and gradient × input.

    occlusion     m_p = mean over the squares Q that contain pixel p of   s(x) − s(x with Q in the mean colour)
                  Zeiler and Fergus 2014, section 4.2
    gradient      m_p = Σ_c (x − x̄)_{c,p} · 1/K Σ_k ∂s/∂x_{c,p} at x̄ + (k − ½)/K (x − x̄)
                  gradient × input (Shrikumar et al. 2016) for K = 1; integrated gradients (Sundararajan et al. 2017)

s is the score to explain, such as the log-probability of a class; x̄ is the picture in its mean colour. A positive value
says that the pixel raises s.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# C channels, h × w pixels, N pictures in a batch

Score = Callable[[Tensor], Tensor]
"""pictures ``(N, C, h, w)`` → their scores ``(N,)``"""
AT_ONCE = 128  # occluded pictures in a batch
POINTS = 16  # K


def mean_colour(x: Tensor) -> Tensor:
    """Return the picture ``(C, h, w)`` in its mean colour."""
    return x.mean((1, 2), keepdim=True).expand_as(x)


@torch.no_grad()
def occlusion(score: Score, x: Tensor, side: int | None = None, stride: int | None = None) -> Tensor:
    """Return the occlusion map ``(h, w)`` of a picture ``x (C, h, w)``; see the module.

    Args:
        score: s.
        x: the picture.
        side: pixels of a side of the square (default: a fifth of the picture's).
        stride: pixels between squares (default: a third of the square's side).
    """
    h, w = x.shape[1:]
    side = side or max(2, round(min(h, w) / 5))
    stride = stride or max(1, side // 3)
    ground = mean_colour(x)
    corners = [(top, left) for top in range(1 - side, h, stride) for left in range(1 - side, w, stride)]
    total, times = x.new_zeros(h, w), x.new_zeros(h, w)
    whole = score(x[None])[0]
    for begin in range(0, len(corners), AT_ONCE):
        part = corners[begin : begin + AT_ONCE]
        batch = x.repeat(len(part), 1, 1, 1)
        places = [(slice(max(0, t), t + side), slice(max(0, l), l + side)) for t, l in part]
        for n, (rows, columns) in enumerate(places):
            batch[n, :, rows, columns] = ground[:, rows, columns]
        drops = whole - score(batch)
        for drop, (rows, columns) in zip(drops, places, strict=True):
            total[rows, columns] += drop
            times[rows, columns] += 1
    return total / times


def gradient_by_input(score: Score, x: Tensor, points: int = POINTS) -> Tensor:
    """Return the map ``(h, w)`` of gradient × input of a picture ``x (C, h, w)``; see the module.

    Args:
        score: s.
        x: the picture.
        points: K.
    """
    ground = mean_colour(x)
    shares = (torch.arange(points, device=x.device, dtype=x.dtype) + 0.5) / points
    with torch.enable_grad():
        path = (ground + shares[:, None, None, None] * (x - ground)).requires_grad_()
        (gradients,) = torch.autograd.grad(score(path).sum(), path)
    return ((x - ground) * gradients.mean(0)).sum(0).detach()


def top_share(map: Tensor, share: float = 0.1) -> Tensor:
    """Return where the largest ``share`` of a map's values are: ``(h, w)`` bool."""
    count = max(1, round(share * map.numel()))
    marked = torch.zeros(map.numel(), dtype=torch.bool, device=map.device)
    marked[map.flatten().topk(count).indices] = True
    return marked.view_as(map)


def covered(x: Tensor, where: Tensor) -> Tensor:
    """Return the picture ``x (C, h, w)`` with the pixels ``where (h, w)`` in its mean colour."""
    return torch.where(where, mean_colour(x), x)

"""Causal self-attention with rotary positions, over a window and the cached keys and values before it.

    q_t, k_t, v_t = W x_t + b                                split into N heads of D = H/N units              (1)
    a_t = Σ_s α_ts v_s,   α_t = softmax_s(R_p(t) q_t · R_p(s) k_s / √D),   t − C < s ≤ t, p(s) ≤ p(t)          (2)
    R_p turns each pair of units (j, j + D/2) by the angle p · 10000^(−2j/D)                                   (3)

p(t) is the position of step t in its document, so that α depends on distances only, and no table limits the length of a
text; a step attends to at most C steps, of its own document. Vaswani et al. 2017, section 3.2; rotary positions: Su et
al. 2021, section 3.4. Keys are cached after their rotation, so that every key is rotated once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# T steps, B lanes, S cached steps, H units, N heads, D units per head

BASE = 10_000.0


class KeyValue(NamedTuple):
    """``keys`` and ``values (B, N, S, D)`` of the last S steps, oldest first."""

    keys: Tensor
    values: Tensor


class Rotation(NamedTuple):
    """``cos`` and ``sin (B, 1, T, D/2)`` of the angles of T positions."""

    cos: Tensor
    sin: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Rotate ``x (B, N, T, D)``: equation 3."""
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], dim=-1)


def rotation(positions: Tensor, head_size: int, dtype: torch.dtype) -> Rotation:
    """Return the rotation of ``positions (T, B)``; angles are computed in float64 where the device has it."""
    exact = torch.float32 if positions.device.type == "mps" else torch.float64
    exponents = torch.arange(0, head_size, 2, device=positions.device, dtype=exact) / head_size  # (D/2,)
    angles = positions.t()[:, None, :, None].to(exact) * BASE**-exponents  # (B, 1, T, D/2)
    return Rotation(angles.cos().to(dtype), angles.sin().to(dtype))


def visible(positions: Tensor, cached: int) -> Tensor:
    """Return ``(B, 1, T, S + T)``: whether each step attends to each cached step and to each step of the window.

    Args:
        positions: ``(T, B)``, of the steps in their documents.
        cached: S = C − 1.
    """
    T = len(positions)
    t, s = (torch.arange(n, device=positions.device) for n in (T, cached + T))
    lag = (cached + t)[:, None] - s  # (T, S + T)
    near = (lag >= 0) & (lag <= cached)
    return (near & (lag <= positions.t()[..., None]))[:, None]


class Attention(nn.Module):
    """Equations 1 and 2, and the output product over all heads.

    Args:
        width: H, a multiple of 2N.
        heads: N.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)  # queries, keys, values
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, cache: KeyValue, rotate: Rotation, mask: Tensor) -> tuple[Tensor, KeyValue]:
        """Return ``(T, B, H)`` and the cache after the steps ``x (T, B, H)``; ``mask``: see `visible`."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).permute(1, 2, 0, 3)  # (B, N, T, D)
            for part in self.inputs(x).chunk(3, dim=-1)
        )
        keys = torch.cat([cache.keys, rotate(k)], dim=2)  # (B, N, S + T, D)
        values = torch.cat([cache.values, v], dim=2)
        a = F.scaled_dot_product_attention(rotate(q), keys, values, attn_mask=mask)
        y = self.output(a.permute(2, 0, 1, 3).flatten(-2))
        return y, KeyValue(keys[:, :, len(x) :], values[:, :, len(x) :])

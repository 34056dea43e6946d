"""Layer norm and group norm with correct derivatives under the transformations of torch.func.

There torch's operator of layer norm has wrong second derivatives: the vmap rule of its backward pass is wrong for the
gain (torch 2.13, ``hessian`` of a sum of squares, ∂²/∂gain∂x). Without a transformation it is correct, and faster.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _transformed() -> bool:
    return not torch.compiler.is_compiling() and torch._C._functorch.peek_interpreter_stack() is not None


class LayerNorm(nn.LayerNorm):
    """y = (x − mean(x)) / √(var(x) + eps) ∘ weight + bias over the last dimension (Ba et al. 2016, section 3)."""

    def forward(self, input: Tensor) -> Tensor:
        if not _transformed():
            return super().forward(input)
        centred = input - input.mean(-1, keepdim=True)
        y = centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + self.eps) * self.weight
        return y if self.bias is None else y + self.bias


class MapNorm(nn.Module):
    """y = (x − mean(x)) / √(var(x) + eps) ∘ weight + bias over groups of channels and all positions of maps.

    One group: layer norm (Ba et al. 2016); several: group norm (Wu and He 2018, section 3.1). Gain and bias have a
    number for each channel, so that the norm applies to maps of any size.
    """

    eps = 1e-5
    bias: nn.Parameter | None

    def __init__(self, channels: int, groups: int, *, bias: bool, **factory: Any) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.ones(channels, **factory))
        self.register_parameter("bias", nn.Parameter(torch.zeros(channels, **factory)) if bias else None)

    def reset_parameters(self) -> None:
        """Set the gain to 1 and the bias to 0."""
        nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise maps ``(B, C, *space)``."""
        if x.numel() and not _transformed():
            return F.group_norm(x, self.groups, self.weight, self.bias, self.eps)
        grouped = x.reshape(x.size(0), self.groups, x.size(1) // self.groups, *x.shape[2:])
        over = tuple(range(2, grouped.dim()))
        centred = grouped - grouped.mean(over, keepdim=True)
        y = (centred / torch.sqrt(centred.square().mean(over, keepdim=True) + self.eps)).reshape(x.shape)
        shape = -1, *[1] * (x.dim() - 2)
        y = y * self.weight.view(shape)
        return y if self.bias is None else y + self.bias.view(shape)

    def extra_repr(self) -> str:
        return f"{self.weight.numel()}, groups={self.groups}"

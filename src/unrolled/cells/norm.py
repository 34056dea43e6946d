"""Layer norm with correct derivatives under the transformations of torch.func.

There torch's operator has wrong second derivatives: the vmap rule of its backward pass is wrong for the gain
(torch 2.13, ``hessian`` of a sum of squares, ∂²/∂gain∂x). Without a transformation it is correct, and faster.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LayerNorm(nn.LayerNorm):
    """y = (x − mean(x)) / √(var(x) + eps) ∘ weight + bias over the last dimension (Ba et al. 2016, section 3)."""

    def forward(self, input: Tensor) -> Tensor:
        if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is None:
            return super().forward(input)
        centred = input - input.mean(-1, keepdim=True)
        y = centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + self.eps) * self.weight
        return y if self.bias is None else y + self.bias

"""Cross entropy of a linear output layer over a large vocabulary, without storing the logits.

    z_n = W y_n + b,    L = −(1/N) Σ_n log softmax(z_n)[target_n]
    ∂L/∂z_n = (softmax(z_n) − onehot(target_n)) / N

The gradients are computed in the forward pass, block by block, while the logits of the block are in the caches: the
logits ``(N, V)`` and their gradient, otherwise the largest tensors of a training step, are never stored, and each
logit is exponentiated once instead of twice.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

# N rows (steps · lanes), D features, V vocabulary size

ROWS = 512  # of a block


def linear_cross_entropy(y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return ``F.cross_entropy(F.linear(y, weight, bias), targets)``, a scalar in float32 or float64.

    Under autocast to bfloat16 the three products are computed in bfloat16, and sums in float32. There are no second
    derivatives.

    Args:
        y: ``(N, D)``.
        weight: ``(V, D)``.
        bias: ``(V,)``.
        targets: ``(N,)`` int64.
    """
    if not torch.is_grad_enabled():
        return F.cross_entropy(F.linear(y, weight, bias), targets)
    half = torch.is_autocast_enabled(y.device.type) and torch.get_autocast_dtype(y.device.type) == torch.bfloat16
    loss: Tensor = _Loss.apply(y, weight, bias, targets, half)
    return loss


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, half: bool) -> Tensor:
        with torch.autocast(y.device.type, enabled=False):
            W = weight.to(torch.bfloat16) if half else weight  # (V, D)
            x = y.to(W.dtype)  # (N, D)
            total = torch.zeros((), dtype=weight.dtype, device=y.device)
            dy, dW, db = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
            for first in range(0, len(x), ROWS):
                rows, target = x[first : first + ROWS], targets[first : first + ROWS]
                z = (rows @ W.T).to(weight.dtype).add_(bias)
                z -= z.amax(dim=1, keepdim=True)
                correct = z.gather(1, target[:, None]).sum()
                sums = z.exp_().sum(dim=1, keepdim=True)
                total += sums.log().sum() - correct
                z /= sums
                z.scatter_add_(1, target[:, None], z.new_full((len(target), 1), -1.0))
                db += z.sum(dim=0)
                dz = z.to(W.dtype)
                torch.mm(dz, W, out=dy[first : first + ROWS])
                dW += dz.T @ rows
        context.save_for_backward(dy, dW, db)
        context.dtype = y.dtype
        return total / len(targets)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        dy, dW, db = context.saved_tensors
        scale = gradient / len(dy)
        return dy.to(context.dtype) * scale, dW * scale, db * scale, None, None

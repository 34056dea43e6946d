"""Pooling: reduce the outputs of a recurrent layer to one vector per sequence.

    last        v = [→y_L, ←y_1]                        the last output of each direction
    mean        v = 1/L Σ_t y_t
    max         v_i = max_t y_{t,i}
    attention   (1) e_t = uᵀ tanh(W y_t + b)
                (2) a = softmax(e)                       over the L steps
                (3) v = Σ_t a_t y_t                      Yang et al. 2016, equations 5 to 7

L is the length of the sequence; padding is ignored.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from ..errors import ArgumentError

# T steps, B sequences, O width of the outputs

Kind = Literal["last", "mean", "max", "attention"]
RUNNING = ("last", "mean", "max")  # the kinds that can be computed step by step


class Pooled(NamedTuple):
    """The running state of `Pooling.step`: ``value (B, O)`` over the first ``steps (B,)``."""

    value: Tensor
    steps: Tensor


class Pooling(nn.Module):
    """Pool outputs over time: ``outputs (T, B, O), lengths (B,)`` → ``(B, O)``.

    Args:
        kind: ``last``, ``mean``, ``max`` or ``attention``; see the module.
        size: O.
        directions: 2 if the second half of the outputs comes from the backward direction.

    Raises:
        ArgumentError: the kind is unknown.
    """

    def __init__(self, kind: Kind, size: int, directions: int = 1) -> None:
        super().__init__()
        if kind not in get_args(Kind):
            raise ArgumentError("pooling", f"one of {', '.join(get_args(Kind))}", kind)
        self.kind, self.directions = kind, directions
        self.score = nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1, bias=False))
        if kind != "attention":
            del self.score

    def forward(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Return one vector per sequence, ``(B, O)``."""
        T, B, O = outputs.shape
        last = (lengths - 1).clamp(min=0)  # (B,)
        if self.kind == "last":
            ends = outputs[last, torch.arange(B, device=outputs.device)]  # (B, O)
            if self.directions == 1:
                return ends
            return torch.cat([ends[:, : O // 2], outputs[0, :, O // 2 :]], dim=1)
        inside = torch.arange(T, device=outputs.device)[:, None] <= last  # (T, B)
        if self.kind == "mean":
            return (outputs * inside[..., None]).sum(0) / (last + 1)[:, None]
        if self.kind == "max":
            return outputs.masked_fill(~inside[..., None], -torch.inf).amax(0)
        return (self.weights(outputs, inside)[..., None] * outputs).sum(0)  # (3)

    def before(self, batch_size: int, like: Tensor) -> Pooled:
        """Return the state before the first step, with O, dtype and device of ``like (…, O)``."""
        neutral = -torch.inf if self.kind == "max" else 0.0
        steps = torch.zeros(batch_size, dtype=torch.int64, device=like.device)
        return Pooled(like.new_full((batch_size, like.size(-1)), neutral), steps)

    def step(self, output: Tensor, pooled: Pooled) -> Pooled:
        """Add one step, ``output (B, O)``, of a layer that runs forward; for any kind except attention."""
        value = {"last": output, "mean": pooled.value + output, "max": torch.maximum(pooled.value, output)}[self.kind]
        return Pooled(value, pooled.steps + 1)

    def so_far(self, pooled: Pooled) -> Tensor:
        """Return the vector of the steps so far, ``(B, O)``, as if the sequence ended there."""
        return pooled.value / pooled.steps[:, None] if self.kind == "mean" else pooled.value

    def weights(self, outputs: Tensor, inside: Tensor) -> Tensor:
        """Compute (1) and (2): ``a (T, B)``; ``inside (T, B)`` is false at padding."""
        e = self.score(outputs).squeeze(-1).masked_fill(~inside, -torch.inf)
        return e.softmax(0)

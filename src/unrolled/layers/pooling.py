"""Pooling: reduce the outputs of a recurrent layer to one vector per sequence.

    last        v = [→y_L, ←y_1]                        the last output of each direction
    mean        v = 1/L Σ_t y_t
    max         v_i = max_t y_{t,i}
    concat      v = [last, max, mean]                    Howard and Ruder 2018, section 3.3
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

Kind = Literal["last", "mean", "max", "attention", "concat"]
RUNNING = ("last", "mean", "max", "concat")  # the kinds that can be computed step by step


class Pooled(NamedTuple):
    """The running state of `Pooling.step`: ``value (B, O)``, or ``(B, 3·O)``, over the first ``steps (B,)``."""

    value: Tensor
    steps: Tensor


class Pooling(nn.Module):
    """Pool outputs over time: ``outputs (T, B, O), lengths (B,)`` → ``(B, output_size)``.

    Args:
        kind: ``last``, ``mean``, ``max``, ``attention`` or ``concat``; see the module.
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
        self.output_size = 3 * size if kind == "concat" else size
        self.score = nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 1, bias=False))
        if kind != "attention":
            del self.score

    def forward(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """Return one vector per sequence, ``(B, output_size)``."""
        last = (lengths - 1).clamp(min=0)  # (B,)
        inside = torch.arange(len(outputs), device=outputs.device)[:, None] <= last  # (T, B)
        if self.kind == "attention":
            return (self.weights(outputs, inside)[..., None] * outputs).sum(0)  # (3)
        return torch.cat([self._pooled(kind, outputs, last, inside) for kind in self._kinds], dim=1)

    @property
    def _kinds(self) -> tuple[str, ...]:
        return ("last", "max", "mean") if self.kind == "concat" else (self.kind,)

    def _pooled(self, kind: str, outputs: Tensor, last: Tensor, inside: Tensor) -> Tensor:
        """Return ``(B, O)``; ``last (B,)`` is the last step of each sequence, ``inside (T, B)`` is false at padding."""
        if kind == "last":
            ends = outputs[last, torch.arange(len(last), device=outputs.device)]  # (B, O)
            half = outputs.size(2) // self.directions
            return ends if self.directions == 1 else torch.cat([ends[:, :half], outputs[0, :, half:]], dim=1)
        if kind == "mean":
            return (outputs * inside[..., None]).sum(0) / (last + 1)[:, None]
        return outputs.masked_fill(~inside[..., None], -torch.inf).amax(0)

    def before(self, batch_size: int, like: Tensor) -> Pooled:
        """Return the state before the first step, with dtype and device of ``like``."""
        neutral = [-torch.inf if kind == "max" else 0.0 for kind in self._kinds]
        width = self.output_size // len(neutral)
        steps = torch.zeros(batch_size, dtype=torch.int64, device=like.device)
        return Pooled(torch.cat([like.new_full((batch_size, width), value) for value in neutral], dim=1), steps)

    def step(self, output: Tensor, pooled: Pooled) -> Pooled:
        """Add one step, ``output (B, O)``, of a layer that runs forward; for any kind except attention."""
        values = pooled.value.split(output.size(1), dim=1)
        after = [_stepped(kind, output, value) for kind, value in zip(self._kinds, values, strict=True)]
        return Pooled(torch.cat(after, dim=1), pooled.steps + 1)

    def so_far(self, pooled: Pooled) -> Tensor:
        """Return the vector of the steps so far, ``(B, output_size)``, as if the sequence ended there."""
        values = pooled.value.chunk(len(self._kinds), dim=1)
        steps = pooled.steps[:, None]
        return torch.cat([v / steps if k == "mean" else v for k, v in zip(self._kinds, values, strict=True)], dim=1)

    def weights(self, outputs: Tensor, inside: Tensor) -> Tensor:
        """Compute (1) and (2): ``a (T, B)``; ``inside (T, B)`` is false at padding."""
        e = self.score(outputs).squeeze(-1).masked_fill(~inside, -torch.inf)
        return e.softmax(0)


def _stepped(kind: str, output: Tensor, value: Tensor) -> Tensor:
    if kind == "last":
        return output
    return value + output if kind == "mean" else torch.maximum(value, output)

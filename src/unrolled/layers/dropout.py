"""Dropout for sequences."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import plain
from ..errors import ArgumentError

# T steps, B lanes, D features


class LockedDropout(nn.Module):
    """Dropout with one mask for all steps: ``y_t = x_t ∘ m / (1 − p)``, ``m ~ Bernoulli(1 − p)``.

    Standard dropout draws a new mask at every step. Here each lane keeps the same features from its first step to its
    last ("variational dropout": Gal and Ghahramani 2016, section 4; "locked dropout": Merity et al. 2018, section 4.2).
    In evaluation the input is returned unchanged.

    Args:
        p: probability that a feature is dropped, 0 to 1.

    Shapes:
        ``(T, B, D)`` → ``(T, B, D)``, time first; the mask is ``(1, B, D)``.

    Raises:
        ArgumentError: ``p`` is not a probability.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_dropout(p)
        self.p = plain(p)

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or not self.p:
            return inputs
        mask = F.dropout(inputs.new_ones(1, *inputs.shape[1:]), self.p)  # (1, B, D), already divided by 1 − p
        return inputs * mask

    def extra_repr(self) -> str:
        return f"p={self.p}"


def check_dropout(p: float) -> None:
    """Raise `ArgumentError` unless ``p`` is a probability; 1 is allowed and drops everything, as in ``torch.nn``."""
    p = plain(p)
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        raise ArgumentError("dropout", "a probability from 0 to 1", p)

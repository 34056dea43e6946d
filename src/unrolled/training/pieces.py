"""The loss of a window computed piece by piece along time, the state going on from each piece to the next.

Recomputing (Chen, Xu, Zhang and Guestrin 2016, section 4): of a piece only the state before it is kept; on the way back
its forward pass runs again, and then its activations are there. With pieces of N out of T steps there are T/N states
and the activations of N steps in memory, least for N ≈ √T: O(√T) for one forward pass more, and the same gradients.

Segments (Tallec and Ollivier 2017): what a randomised truncation that is without bias does to the gradients. A window
is made of segments; after each the window ends with probability c, which multiplies the gradient by the state there by
0; where it goes on, that gradient is multiplied by 1/(1−c), so that in expectation it is what it is without truncation:

    (1)  ∂L/∂s_t ← ξ_t/(1−c) · ∂L/∂s_t,    P(ξ_t = 1) = 1 − c,    t the end of a segment
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map
from torch.utils.checkpoint import checkpoint

from ..cells import State
from ..errors import ArgumentError

if TYPE_CHECKING:
    from .task import Task

Recompute = int | Literal["auto"]
"""Steps of a piece; ``"auto"``: √T."""


class Segments(NamedTuple):
    """Their steps, and 1/(1−c)."""

    steps: int
    factor: float


def cuts(T: int, steps: Recompute) -> list[slice]:
    """0..T in pieces of ``steps``; the last may be shorter."""
    length = max(1, math.isqrt(T)) if steps == "auto" else steps
    return [slice(begin, min(begin + length, T)) for begin in range(0, T, length)]


def check_recompute(task: Task, recompute: Recompute) -> None:
    """Raise `ArgumentError` unless the windows of a task can be cut into pieces, or need not be."""
    if recompute and task.pieces(task.batch(0), recompute) is None:
        why = "its sequences are not read as windows of a stream"
        raise ArgumentError("recompute", f"left out with the task {task.name}", recompute, why)


def window_loss(
    task: Task, model: nn.Module, batch: Any, carry: State | None, recompute: Recompute = 0
) -> tuple[Tensor, State | None]:
    """As ``task.loss``: the mean loss of a batch and the state after; in segments if the task has any.

    Random masks are drawn piece by piece; the second time they are the same.
    """
    segments = task.segments()
    if not recompute and segments is None:
        return task.loss(model, batch, carry)
    whole = [(batch, 1.0)] if segments is None else _pieces(task, batch, segments.steps)
    parts = [
        (piece, share * part, within == 0 and number > 0)
        for number, (segment, share) in enumerate(whole)
        for within, (piece, part) in enumerate(_pieces(task, segment, recompute) if recompute else [(segment, 1.0)])
    ]
    total: Tensor | None = None
    for number, (piece, share, joins) in enumerate(parts):
        if joins and segments is not None:
            carry = tree_map(lambda leaf, factor=segments.factor: Scaled.apply(leaf, factor), carry)  # (1)
        if recompute and number < len(parts) - 1:  # the last is needed first on the way back
            loss, carry = checkpoint(task.loss, model, piece, carry, use_reentrant=False)
        else:
            loss, carry = task.loss(model, piece, carry)
        if share:  # a mean over nothing is no number
            total = share * loss if total is None else total + share * loss
    return loss if total is None else total, carry


def _pieces(task: Task, batch: Any, steps: Recompute) -> list[tuple[Any, float]]:
    found = task.pieces(batch, steps)
    assert found is not None
    return found


class Scaled(torch.autograd.Function):
    """The same numbers; gradients are multiplied on the way back."""

    @staticmethod
    def forward(context: Any, leaf: Tensor, factor: float) -> Tensor:
        context.factor = factor
        return leaf.view_as(leaf)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * context.factor, None

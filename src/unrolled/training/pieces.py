"""The loss of a window, computed piece by piece along time with the state carried between pieces.

Gradient checkpointing (Chen, Xu, Zhang and Guestrin 2016, section 4): the forward pass stores only the state before
each piece; the backward pass recomputes the activations of one piece at a time. With pieces of N of T steps the memory
footprint is T/N states plus the activations of N steps, minimal for N ≈ √T: O(√T) memory for one extra forward pass.

Unbiased randomized truncation (Tallec and Ollivier 2017): a window consists of segments and ends after each of them
with probability c, which multiplies the gradient with respect to the state there by 0. Where the window continues, that
gradient is multiplied by 1/(1−c), so its expectation equals the gradient without truncation:

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
"""Steps per piece; ``"auto"``: √T."""


class Segments(NamedTuple):
    """Segments of ``steps`` steps; ``factor``: 1/(1−c)."""

    steps: int
    factor: float


def cuts(T: int, steps: Recompute) -> list[slice]:
    """Split the steps 0..T into slices of ``steps`` steps; the last may be shorter.

    >>> cuts(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    length = max(1, math.isqrt(T)) if steps == "auto" else steps
    return [slice(begin, min(begin + length, T)) for begin in range(0, T, length)]


def check_recompute(task: Task, recompute: Recompute) -> None:
    """Raise `ArgumentError` if ``recompute`` is set and the batches of the task cannot be cut along time."""
    if recompute and task.pieces(task.batch(0), recompute) is None:
        why = "its sequences are not read as windows of a stream"
        raise ArgumentError("recompute", f"omitted with the task {task.name}", recompute, why)


def window_loss(
    task: Task, model: nn.Module, batch: Any, carry: State | None, recompute: Recompute = 0
) -> tuple[Tensor, State | None]:
    """Return the mean loss of a batch and the final state, as ``task.loss`` does, computed piece by piece.

    Dropout masks are drawn per piece; recomputation uses the same masks.
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
        if recompute and number < len(parts) - 1:  # the backward pass starts with the last piece
            loss, carry = checkpoint(task.loss, model, piece, carry, use_reentrant=False)
        else:
            loss, carry = task.loss(model, piece, carry)
        if share:  # an empty piece has loss nan
            total = share * loss if total is None else total + share * loss
    return loss if total is None else total, carry


def _pieces(task: Task, batch: Any, steps: Recompute) -> list[tuple[Any, float]]:
    parts = task.pieces(batch, steps)
    assert parts is not None
    return parts


class Scaled(torch.autograd.Function):
    """The identity in the forward pass; the backward pass scales the gradient."""

    @staticmethod
    def forward(context: Any, leaf: Tensor, factor: float) -> Tensor:
        context.factor = factor
        return leaf.view_as(leaf)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * context.factor, None

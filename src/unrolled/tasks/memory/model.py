"""Recurrent layers and a head that is asked now and then, and the losses of its answers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import State
from ...data.episodes import Kind
from ..common.recurrent import Recurrent

# T steps, B lanes, I numbers of an input, H what the head reads, O numbers of an output, K answers


class MemoryModel(nn.Module):
    """``inputs (T, B, I)`` → outputs ``(T, B, O)`` and the state after."""

    def __init__(self, input_size: int, outputs: int, recurrent: Recurrent) -> None:
        super().__init__()
        self.stack = recurrent.build(input_size)
        self.drop = nn.Dropout(recurrent.dropout)
        self.head = nn.Linear(self.stack.output_size, outputs)

    def forward(self, inputs: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        y, state = self.read(inputs, state, resets)
        return self.answer(y), state

    def read(self, inputs: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        """What the head reads, ``(T, B, H)``, and the state after; ``resets (T, B)`` mark first steps of sequences."""
        y, after = self.stack(inputs, state, resets=resets)
        return y, after

    def answer(self, y: Tensor) -> Tensor:
        """The head: of ``y (…, H)``, ``(…, O)``."""
        z: Tensor = self.head(self.drop(y))
        return z

    def initial_state(self, batch_size: int) -> State:
        """The state before the first step."""
        return self.stack.initial_state(batch_size)


def loss_sum(kind: Kind, answers: Tensor, targets: Tensor) -> Tensor:
    """Σ over K answers ``(K, O)`` of squared errors, or of −log p in nats; zero, with a gradient, of none.

    Args:
        kind: of the answers.
        targets: ``(K, O)``, or classes ``(K,)``.
    """
    match kind:
        case "number":
            return F.mse_loss(answers, targets, reduction="sum")
        case "bits":
            return F.binary_cross_entropy_with_logits(answers, targets, reduction="sum")
        case _:
            return F.cross_entropy(answers, targets, reduction="sum")

"""Recurrent layers with a head whose outputs are used at some steps only, and the losses of these outputs."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ...cells import State
from ...data.episodes import Kind
from ..common.recurrent import Recurrent

# T steps, B lanes, I input size, H input size of the head, O output size, K answers


class MemoryModel(nn.Module):
    """``inputs (T, B, I)`` → outputs ``(T, B, O)`` and the final state.

    Args:
        input_size: I.
        outputs: O.
        recurrent: the options of the recurrent layers.
    """

    def __init__(self, input_size: int, outputs: int, recurrent: Recurrent) -> None:
        super().__init__()
        self.stack = recurrent.build(input_size)
        self.drop = nn.Dropout(recurrent.rate)
        self.head = nn.Linear(self.stack.output_size, outputs)

    def forward(self, inputs: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        y, state = self.read(inputs, state, resets)
        return self.answer(y), state

    def read(self, inputs: Tensor, state: State | None = None, resets: Tensor | None = None) -> tuple[Tensor, State]:
        """Return the input of the head ``(T, B, H)`` and the final state; ``resets (T, B)``: starts of sequences."""
        y, after = self.stack(inputs, state, resets=resets)
        return y, after

    def answer(self, y: Tensor) -> Tensor:
        """Apply the head: ``y (…, H)`` → ``(…, O)``."""
        z: Tensor = self.head(self.drop(y))
        return z

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first step."""
        return self.stack.initial_state(batch_size)


def loss_sum(kind: Kind, answers: Tensor, targets: Tensor) -> Tensor:
    """Return the sum over K answers of squared errors, or of −log p in nats; for K = 0, zero with a gradient.

    Args:
        kind: kind of the answers.
        answers: ``(K, O)``.
        targets: ``(K, O)``, or classes ``(K,)``.
    """
    match kind:
        case "number":
            return F.mse_loss(answers, targets, reduction="sum")
        case "bits":
            return F.binary_cross_entropy_with_logits(answers, targets, reduction="sum")
        case _:
            return F.cross_entropy(answers, targets, reduction="sum")

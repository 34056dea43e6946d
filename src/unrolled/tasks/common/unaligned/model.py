"""The network of CTC: an encoder, and a class for each frame.

h_t = encoder of the inputs                      (T, B, O)
z_t = W dropout(h_t) + b                         (T, B, C), class 0 is the blank
loss = −log P(text | z) / symbols                summed over all alignments, see `layers.ctc`; the mean of a batch
"""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from ....layers.ctc import ctc_loss
from .examples import BLANK, Targets

# B examples, T frames, O output_size, C classes


class Encoder(nn.Module):
    """Base class of encoders: inputs ``(B, …)`` of any sizes ``widths (B,)`` → h ``(T, B, O)``."""

    output_size: int

    @abstractmethod
    def frames(self, widths: Tensor) -> Tensor:
        """Return the number of frames T of inputs with these sizes."""

    @abstractmethod
    def forward(self, inputs: Tensor, widths: Tensor) -> Tensor:
        """Return h; what is in it past the frames of an example does not count."""


class CTCNetwork(nn.Module):
    """Inputs → logits ``(T, B, C)``; see the module.

    Args:
        encoder: the encoder.
        classes: C, the blank included.
        dropout: rate of dropout before the output layer.
    """

    def __init__(self, encoder: Encoder, classes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.output_size, classes)

    def forward(self, inputs: Tensor, widths: Tensor) -> Tensor:
        logits: Tensor = self.head(self.drop(self.encoder(inputs, widths)))
        return logits

    def loss(self, inputs: Tensor, widths: Tensor, targets: Targets) -> Tensor:
        """Return the loss of each example ``(B,)`` in nats."""
        logits, frames = self(inputs, widths).float(), self.encoder.frames(widths)
        return ctc_loss(logits, targets.ids, frames, targets.lengths, BLANK, "none")

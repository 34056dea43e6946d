"""What the captioners of pictures and of clips share: the decoder that writes a caption of places h_i with mean m.

soft, hard     s_0 and the decoder as in layers/decoder.py, with the memory h                  Xu et al. 2015
none, first    the decoder reads W_m m before the first token                                  Vinyals et al. 2015
none, every    the decoder reads [x_t; m] at every step                                        Donahue et al. 2015
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from ...layers.decoder import Decoder, DecoderState, Encoded, embedding
from ..common.recurrent import Recurrent
from .config import Describer
from .inputs import Array

# B pictures or clips, N captions, S places, C encoder_size, E embedding_size, T tokens

REMEMBERED = 64  # positions of the moving baseline of the reward; later ones share the last


class CaptionDecoder(Decoder):
    """Inputs and previous tokens ``(T, N)`` → logits. A subclass encodes its inputs as places h ``(S, B, C)``.

    Inputs are pictures ``(B, h, w, ·)``, or the frames of all clips ``(F, h, w, ·)`` with their numbers, the sizes
    ``(B,)``.
    """

    options: Describer
    baseline: Tensor

    def add_caption_decoder(self, symbols: int, recurrent: Recurrent, options: Describer) -> None:
        """Create the layers of the decoder for V = ``symbols`` tokens; see `Decoder.add_decoder`."""
        self.options = options
        C, E = options.encoder_size, options.embedding_size
        self.register_buffer("baseline", torch.zeros(REMEMBERED))
        self.target = embedding(symbols, E)
        attends = options.attention != "none"
        self.image = nn.Linear(C, E) if not attends and options.image == "first" else None  # W_m
        attention = {
            "attention_size": options.attention_size,
            "gate": options.gate,
            "hard": options.attention == "hard",
        }
        self.add_decoder(
            recurrent.build,
            C,
            hidden_size=recurrent.hidden_size,
            num_layers=recurrent.num_layers,
            dropout=recurrent.rate,
            locked_dropout=recurrent.locked_dropout,
            backend=recurrent.backend,
            tied=options.tied,
            score="additive" if attends else None,
            every=not attends and options.image == "every",
            bridge=attends,
            **(attention if attends else {}),
        )

    @abstractmethod
    def encode(self, inputs: Tensor, sizes: Tensor | None = None, steps: int | None = None) -> Encoded:
        """Encode pictures or clips; for ``steps`` see `Attentive.remember`."""

    @abstractmethod
    def normalise_by(self, read: Any) -> None:
        """Take mean and deviation of the inputs from those of training, as a reader returns them."""

    @abstractmethod
    def places(self, inputs: Tensor, sizes: Tensor | None) -> Tensor:
        """Return the number of places of each input ``(B,)``."""

    @abstractmethod
    def on_places(self, weights: Array, count: int) -> Array:
        """Return attention weights ``(T, S)`` of an input with ``count`` places, in the form of its places."""

    def encoded(self, h: Tensor, lengths: Tensor, context: Tensor, steps: int | None) -> Encoded:
        """Return the encoding by places h ``(S, B, C)`` of ``lengths (B,)`` and the summary m ``(B, C)``."""
        memory = None if self.attention is None else self.attention.remember(self.drop(h), lengths, steps)
        return Encoded(memory, context, self.start(context))

    def begin(self, encoded: Encoded) -> DecoderState:
        """Return the decoder state before the first token of each input."""
        state = super().begin(encoded)
        if self.image is not None:
            _, _, state = self.read_on(self.drop(self.image(encoded.context)[None]), state, None)
        return state

    def forward(
        self,
        inputs: Tensor,
        rows: Tensor,
        before: Tensor,
        lengths: Tensor,
        draws: Tensor | None = None,
        sizes: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the inputs of `logits` ``(T, N, ·)`` and the attention weights ``(T, N, S)``.

        Args:
            inputs: the pictures, or the frames of the clips.
            rows: ``(N,)``, the picture or clip of each caption.
            before: ``(T, N)``, the previous token at each position, for captions of ``lengths (N,)`` tokens.
            draws: ``(T, N)``, for hard attention: random numbers that decide the places.
            sizes: ``(B,)``, of clips the number of frames of each.
        """
        encoded = self.encode(inputs, sizes, before.numel()).of(rows)
        outputs, weights, _ = self.decode(before, self.begin(encoded), encoded.memory, lengths, draws, rows)
        return outputs, weights

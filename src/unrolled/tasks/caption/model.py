"""The captioner: a grid of features, and a decoder that writes a caption, with or without attention to the grid.

x_i       = features of place i of the picture: of a network trained along, or given ones, normalised    (S, B, F)
h_i       = ReLU(W_f x_i + p_i), p_i learned: where the place is                                          (S, B, C)
m         = mean of h_i                                                                                  (B, C)
soft, hard     s_0 and the decoder as in layers/decoder.py, with the memory h                  Xu et al. 2015
none, first    the decoder reads W_m m before the first token                                  Vinyals et al. 2015
none, every    the decoder reads [x_t; m] at every step                                        Donahue et al. 2015
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ...layers import Convolutions
from ...layers.decoder import Decoder, DecoderState, Encoded, embedding
from ..common.recurrent import Recurrent
from .config import Describer, PictureEncoder
from .pictures import Array

# B pictures, N captions, S = h · w places, F features, C encoder_size, E embedding_size, T tokens

REMEMBERED = 64  # positions of the moving baseline of the reward; later ones share the last
MOST = 2_000  # training pictures that mean and deviation are computed from


class Captioner(Decoder):
    """``pictures (B, h, w, ·)`` and previous tokens ``(T, N)`` → logits; see the module for the equations.

    Args:
        symbols: V, vocabulary size.
        shape: h, w and the numbers of a pixel (3, bytes) or of a feature vector (16-bit floats).
        recurrent: the options of the recurrent layers.
        options: the options of the decoder.
        pictures: the options of the network that is trained along; `None`: the pictures are features.

    Raises:
        ArgumentError: sizes do not match.
    """

    mean: Tensor
    deviation: Tensor
    baseline: Tensor

    def __init__(
        self,
        symbols: int,
        shape: tuple[int, int, int],
        recurrent: Recurrent,
        options: Describer,
        pictures: PictureEncoder | None,
    ) -> None:
        super().__init__()
        self.options = options
        height, width, channels = shape
        C, E = options.encoder_size, options.embedding_size
        self.features: Convolutions | None = None
        features = channels
        if pictures is not None:
            self.features = Convolutions(channels, pictures.maps, depth=pictures.depth)
            height, width = self.features.grid_size(height, width)
            features = self.features.output_size
        self.grid_size = height, width
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.register_buffer("baseline", torch.zeros(REMEMBERED))
        self.project = nn.Linear(features, C)
        self.place = nn.Parameter(0.1 * torch.randn(height * width, C))  # p
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

    @torch.no_grad()
    def normalise_by(self, arrays: Array) -> None:
        """Take mean and deviation of each channel from training pictures ``(N, h, w, ·)``."""
        some = arrays[np.unique(np.linspace(0, len(arrays) - 1, MOST).astype(int))].astype(np.float32)
        self.mean.copy_(torch.from_numpy(some.mean((0, 1, 2))))
        self.deviation.copy_(torch.from_numpy(some.std((0, 1, 2))).clamp(min=1e-3))

    def encode(self, pictures: Tensor, steps: int | None = None) -> Encoded:
        """Encode pictures ``(B, h, w, ·)``, pixels or features; for ``steps`` see `Attentive.remember`."""
        x = (pictures.to(self.mean.dtype) - self.mean) / self.deviation
        if self.features is not None:
            x = self.features.grid(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = self.project(self.drop(x.flatten(1, 2).transpose(0, 1)))  # (S, B, C)
        h = torch.relu(x + self.place[:, None])
        lengths = torch.full((h.size(1),), h.size(0), dtype=torch.int64, device=h.device)
        context = h.mean(0)
        memory = None if self.attention is None else self.attention.remember(self.drop(h), lengths, steps)
        return Encoded(memory, context, self.start(context))

    def begin(self, encoded: Encoded) -> DecoderState:
        """Return the decoder state before the first token of each picture."""
        state = super().begin(encoded)
        if self.image is not None:
            _, _, state = self.read_on(self.drop(self.image(encoded.context)[None]), state, None)
        return state

    def forward(
        self, pictures: Tensor, rows: Tensor, before: Tensor, lengths: Tensor, draws: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the inputs of `logits` ``(T, N, ·)`` and the attention weights ``(T, N, S)``.

        Args:
            pictures: ``(B, h, w, ·)``.
            rows: ``(N,)``, the picture of each caption.
            before: ``(T, N)``, the previous token at each position, for captions of ``lengths (N,)`` tokens.
            draws: ``(T, N)``, for hard attention: random numbers that decide the places.
        """
        encoded = self.encode(pictures, before.numel()).of(rows)
        outputs, weights, _ = self.decode(before, self.begin(encoded), encoded.memory, lengths, draws, rows)
        return outputs, weights

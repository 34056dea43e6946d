"""The captioner of pictures: a grid of features for the decoder.

x_i       = features of place i of the picture: of a network trained along, or given ones, normalised    (S, B, F)
h_i       = ReLU(W_f x_i + p_i), p_i learned: where the place is                                          (S, B, C)
m         = mean of h_i                                                                                  (B, C)

The decoder is in caption_decoder.py.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ...layers import Convolutions
from ...layers.decoder import Encoded
from ..common.recurrent import Recurrent
from .caption_decoder import CaptionDecoder
from .config import Describer, PictureEncoder
from .inputs import Array

# B pictures, N captions, S = h · w places, F features, C encoder_size, T tokens

MOST = 2_000  # training pictures that mean and deviation are computed from


class Captioner(CaptionDecoder):
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

    def __init__(
        self,
        symbols: int,
        shape: tuple[int, int, int],
        recurrent: Recurrent,
        options: Describer,
        pictures: PictureEncoder | None,
    ) -> None:
        super().__init__()
        height, width, channels = shape
        self.features: Convolutions | None = None
        features = channels
        if pictures is not None:
            self.features = Convolutions(channels, pictures.blocks, depth=pictures.depth)
            height, width = self.features.grid_size(height, width)
            features = self.features.output_size
        self.grid_size = height, width
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.project = nn.Linear(features, options.encoder_size)
        self.place = nn.Parameter(0.1 * torch.randn(height * width, options.encoder_size))  # p
        self.add_caption_decoder(symbols, recurrent, options)

    @torch.no_grad()
    def normalise_by(self, arrays: Array) -> None:
        """Take mean and deviation of each channel from training pictures ``(N, h, w, ·)``."""
        some = arrays[np.unique(np.linspace(0, len(arrays) - 1, MOST).astype(int))].astype(np.float32)
        self.mean.copy_(torch.from_numpy(some.mean((0, 1, 2))))
        self.deviation.copy_(torch.from_numpy(some.std((0, 1, 2))).clamp(min=1e-3))

    def encode(self, inputs: Tensor, sizes: Tensor | None = None, steps: int | None = None) -> Encoded:
        """Encode pictures ``(B, h, w, ·)``: bytes of pixels, or features; see `CaptionDecoder.encode`."""
        x = (inputs.to(self.mean.dtype) - self.mean) / self.deviation
        if self.features is not None:
            x = self.features.grid(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = self.project(self.drop(x.flatten(1, 2).transpose(0, 1)))  # (S, B, C)
        h = torch.relu(x + self.place[:, None])
        return self.encoded(h, self.places(inputs, sizes).to(h.device), h.mean(0), steps)

    def places(self, inputs: Tensor, sizes: Tensor | None) -> Tensor:
        """See `CaptionDecoder.places`."""
        return torch.full((len(inputs),), len(self.place), dtype=torch.int64)

    def on_places(self, weights: Array, count: int) -> Array:
        """See `CaptionDecoder.on_places`: ``(T, h, w)``."""
        return weights.reshape(-1, *self.grid_size)

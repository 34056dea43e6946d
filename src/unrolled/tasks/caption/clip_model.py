"""The captioner of clips: vectors of frames, recurrent layers over them, and the decoder.

e_t       = vectors of frames and their changes: of a network trained along, or of features, see layers/frames.py
recurrent      h_t = recurrent layers over e_1 … e_S;  m = [last output of each direction]     Venugopalan et al. 2015b
mean           h_t = e_t;  m = mean of e_t                                                     Venugopalan et al. 2015a

With attention the decoder weights the frames (Yao et al. 2015); without, it reads m: see caption_decoder.py. Weights of
frames and of words are separate, unlike those of the layers shared in S2VT (Venugopalan et al. 2015b).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...cells.attentive import check_begins_with_output, hidden
from ...errors import ArgumentError
from ...layers import Stack
from ...layers.decoder import Encoded
from ...layers.frames import FeatureEncoder, FrameEncoder, padded
from ..common.recurrent import Recurrent
from .caption_decoder import CaptionDecoder
from .config import ClipReading, Describer, PictureEncoder
from .inputs import Array, ReadClips

# B clips, F frames of all clips, S frames of the longest, C encoder_size, T tokens

MOST = 4_000  # training frames that mean and deviation are computed from


class ClipCaptioner(CaptionDecoder):
    """The frames of clips ``(F, h, w, ·)``, their number ``(B,)`` and previous tokens ``(T, N)`` → logits.

    Args:
        symbols: V, vocabulary size.
        shape: h, w and the numbers of a pixel (bytes); or 1, 1 and the width of a frame's features (16-bit floats).
        recurrent: the options of the recurrent layers, of encoder and decoder.
        options: the options of the decoder.
        pictures: the options of the network that is trained along; `None`: the frames are features.
        clips: how clips are read.

    Raises:
        ArgumentError: sizes do not match.
    """

    def __init__(
        self,
        symbols: int,
        shape: tuple[int, int, int],
        recurrent: Recurrent,
        options: Describer,
        pictures: PictureEncoder | None,
        clips: ClipReading,
    ) -> None:
        super().__init__()
        height, width, channels = shape
        C = options.encoder_size
        self.frames: FrameEncoder | FeatureEncoder
        if pictures is None:
            self.frames = FeatureEncoder(channels, width=C, differences=clips.differences)
        else:
            self.frames = FrameEncoder(
                channels, (height, width), pictures.blocks, depth=pictures.depth, width=C, differences=clips.differences
            )
        self.encoder: Stack | None = None
        if clips.clip_encoder == "recurrent":
            directions = 1 + clips.bidirectional
            if C % directions:
                raise ArgumentError("encoder_size", "even, with half for each direction", C)
            self.encoder = recurrent.build(C, hidden_size=C // directions, bidirectional=clips.bidirectional)
            for cell in [*self.encoder.cells][-directions:]:
                check_begins_with_output(cell)
        self.add_caption_decoder(symbols, recurrent, options)

    def normalise_by(self, clips: ReadClips) -> None:
        """Take mean and deviation of the pixels from frames of training clips."""
        if isinstance(self.frames, FrameEncoder):
            self.frames.normalise_by(torch.from_numpy(clips.frames(MOST)))

    def encode(self, inputs: Tensor, sizes: Tensor | None = None, steps: int | None = None) -> Encoded:
        """Encode the frames ``(F, h, w, ·)`` of clips with ``sizes (B,)`` frames; see `CaptionDecoder.encode`."""
        assert sizes is not None
        e = self.frames.encode(inputs if isinstance(self.frames, FrameEncoder) else inputs.flatten(1), sizes)
        h = self.drop(padded(e, sizes))  # (S, B, C)
        if self.encoder is None:
            return self.encoded(h, sizes, h.sum(0) / sizes[:, None], steps)
        h, state = self.encoder(h, lengths=sizes)
        context = torch.cat([hidden(last) for last in state[-self.encoder.num_directions :]], 1)
        return self.encoded(h, sizes, context, steps)

    def places(self, inputs: Tensor, sizes: Tensor | None) -> Tensor:
        """See `CaptionDecoder.places`: the frames of each clip."""
        assert sizes is not None
        return sizes

    def on_places(self, weights: Array, count: int) -> Array:
        """See `CaptionDecoder.on_places`: ``(T, frames)``."""
        return weights[:, :count]

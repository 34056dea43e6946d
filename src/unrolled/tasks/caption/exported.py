"""Export of a captioner: the network with teacher forcing. Encoder and step are separate methods of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from ...layers.decoder import Encoded
from ..common.language import BEGIN, END, SPECIAL
from ..common.trained import Modules
from .caption_decoder import CaptionDecoder

if TYPE_CHECKING:
    from .trained import TrainedCaptioner


class TeacherForced(nn.Module):
    """``pictures (B, h, w, ·), before (T, B) -> logits (T, B, V)``.

    The logits of step t depend only on ``before[: t + 1]``; to generate, append the chosen token to ``before`` and call
    the network again.
    """

    def __init__(self, model: CaptionDecoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor, before: Tensor) -> Tensor:
        return self.logits(self.model.encode(pictures), before)

    def logits(self, encoded: Encoded, before: Tensor) -> Tensor:
        outputs, _, _ = self.model.decode(before, self.model.begin(encoded), encoded.memory)
        return self.model.logits(outputs)


class TeacherForcedClips(TeacherForced):
    """``frames (F, h, w, ·), sizes (B,), before (T, B) -> logits (T, B, V)``: frames of B clips, and their number."""

    def forward(self, frames: Tensor, sizes: Tensor, before: Tensor) -> Tensor:  # type: ignore[override]
        return self.logits(self.model.encode(frames, sizes), before)


def modules(model: TrainedCaptioner) -> Modules:
    """See `Trained.modules`. There is no step module: decoding starts from the encoding of a whole picture or clip."""
    metadata = {
        "language": model.language.to_json(),
        "begin": BEGIN,
        "end": END,
        "first": SPECIAL,  # the id of token 0 of the vocabulary
        "encoder": model.config.encoder,
        "size": model.config.pictures.size,
        "longest": model.longest,
    }
    if model.config.data.clips:
        reading = {"rate": model.config.clips.rate, "most_frames": model.config.clips.most_frames}
        names = (("frames", "sizes", "before"), ("logits",))
        return Modules(TeacherForcedClips(model.model), None, (), names, metadata | reading)
    return Modules(TeacherForced(model.model), None, (), (("pictures", "before"), ("logits",)), metadata)

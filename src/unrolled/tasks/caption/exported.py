"""Export of a captioner: the network with teacher forcing. Encoder and step are separate methods of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

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
        encoded = self.model.encode(pictures)
        outputs, _, _ = self.model.decode(before, self.model.begin(encoded), encoded.memory)
        return self.model.logits(outputs)


def modules(model: TrainedCaptioner) -> Modules:
    """See `Trained.modules`. There is no step module: decoding starts from the encoding of a whole picture."""
    metadata = {
        "language": model.language.to_json(),
        "begin": BEGIN,
        "end": END,
        "first": SPECIAL,  # the id of token 0 of the vocabulary
        "encoder": model.config.encoder,
        "size": model.config.pictures.size,
        "longest": model.longest,
    }
    return Modules(TeacherForced(model.model), None, (), (("pictures", "before"), ("logits",)), metadata)

"""Export of a translator: the network with teacher forcing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from ..common.language import BEGIN, END, SPECIAL
from ..common.trained import Modules
from .model import Translator

if TYPE_CHECKING:
    from .trained import TrainedTranslator


class TeacherForced(nn.Module):
    """``source (S, B), source_lengths (B,), before (T, B) -> logits (T, B, V)``.

    The logits of step t depend only on ``before[: t + 1]``; to generate, append the chosen token to ``before`` and call
    the network again.
    """

    def __init__(self, model: Translator) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor, source_lengths: Tensor, before: Tensor) -> Tensor:
        encoded = self.model.encode(source, source_lengths)
        outputs, _, _ = self.model.decode(before, self.model.begin(encoded), encoded.memory)
        return self.model.logits(outputs)


def modules(model: TrainedTranslator) -> Modules:
    """See `Trained.modules`. There is no step module: decoding starts from the encoding of a whole sentence."""
    metadata = {
        "source": model.reader.to_json(),
        "target": model.writer.to_json(),
        "begin": BEGIN,
        "end": END,
        "first": SPECIAL,  # the id of token 0 of a vocabulary
        "reverse_source": model.config.units.reverse_source,
        "max_symbols": model.config.units.max_symbols,
    }
    names = (("source", "source_lengths", "before"), ("logits",))
    return Modules(TeacherForced(model.model), None, (), names, metadata)

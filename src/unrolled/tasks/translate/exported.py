"""A translator for export: the network that is given the right words before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from ..common.trained import Modules
from .model import Translator
from .units import BEGIN, END, SPECIAL

if TYPE_CHECKING:
    from .trained import TrainedTranslator


class TeacherForced(nn.Module):
    """``source (S, B), source_lengths (B,), before (T, B) -> logits (T, B, V)``.

    The logits of step t depend on ``before[: t + 1]`` alone: who writes asks again, with the symbol that was chosen
    added to ``before``.
    """

    def __init__(self, model: Translator) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor, source_lengths: Tensor, before: Tensor) -> Tensor:
        encoded = self.model.encode(source, source_lengths)
        read, _, _ = self.model.decode(before, self.model.begin(encoded), encoded.memory)
        return self.model.logits(read)


def modules(model: TrainedTranslator) -> Modules:
    """See `Trained.modules`. There is no step of its own: it would begin at what the encoder says of a whole
    sentence."""
    around = {
        "source": model.reader.to_json(),
        "target": model.writer.to_json(),
        "begin": BEGIN,
        "end": END,
        "first": SPECIAL,  # the id of a vocabulary's symbol 0
        "reverse_source": model.config.units.reverse_source,
        "max_symbols": model.config.units.max_symbols,
    }
    names = (("source", "source_lengths", "before"), ("logits",))
    return Modules(TeacherForced(model.model), None, (), names, around)

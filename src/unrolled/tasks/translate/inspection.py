"""Inspection of a translator: its encoder reads each line as a sentence; a pane shows the translation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ...analysis.inspection import Inspection
from ...analysis.passes import Lines
from ..common.token_lines import token_lines
from .decoding import Translated
from .model import Translator

if TYPE_CHECKING:
    from .trained import TrainedTranslator


def reading(model: TrainedTranslator, text: str) -> Inspection:
    """Prepare ``text`` for inspection of the encoder, line by line."""
    config, symbols = model.config, len(model.reader)

    def twin() -> nn.Module:
        return Translator(symbols, len(model.writer), config.model, config.translator)

    def call(module: Any, ids: Tensor, lengths: Tensor) -> None:
        module.encode(ids, lengths)

    passes = Lines(token_lines(model.reader, text, config.units.reverse_source), call)
    return Inspection(model.model, lambda module: module.encoder, twin, symbols, passes)


def translation(translated: Translated) -> dict[str, Any]:
    """Return a translation with its attention weights as JSON data."""
    weights = translated.weights
    return {
        "source": translated.source,
        "target": translated.target,
        "text": translated.text,
        "score": round(translated.score, 6) if math.isfinite(translated.score) else None,
        "weights": None if weights is None else [[round(w, 4) for w in row] for row in weights.tolist()],
    }

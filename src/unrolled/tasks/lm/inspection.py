"""A language model as the inspector sees it: it reads a text on and on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...analysis.inspection import Inspection, check_recurrent
from ...analysis.passes import RunningText
from ...analysis.tokenized import located

if TYPE_CHECKING:
    from .trained import TrainedLanguageModel


def reading(model: TrainedLanguageModel, text: str, starts: Sequence[int]) -> Inspection:
    """The text in lanes side by side; ``starts`` is where documents begin."""
    check_recurrent(model.model)
    running = RunningText(located(model.vocabulary, text, starts))
    return Inspection(model.model, lambda one: one.stack, model.new_model, len(model.vocabulary), running)


def loss_unit(kind: str) -> str:
    """What a loss is counted in, with a vocabulary of this kind."""
    return "nats per " + {"char": "character", "byte": "byte", "word": "word"}.get(kind, "symbol")

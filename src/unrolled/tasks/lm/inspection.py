"""Inspection of a language model, which reads a text continuously."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...analysis.inspection import Inspection, check_recurrent
from ...analysis.passes import RunningText
from ...analysis.tokenized import tokenize

if TYPE_CHECKING:
    from .trained import TrainedLanguageModel


def reading(model: TrainedLanguageModel, text: str, starts: Sequence[int]) -> Inspection:
    """Prepare ``text`` for inspection in parallel lanes; ``starts`` are the positions where documents begin."""
    check_recurrent(model.model)
    running = RunningText(tokenize(model.vocabulary, text, starts))
    return Inspection(model.model, lambda module: module.stack, model.new_model, len(model.vocabulary), running)


def loss_unit(kind: str) -> str:
    """Return the unit of the loss for a vocabulary of this kind, e.g. ``nats per character``."""
    return "nats per " + {"char": "character", "byte": "byte", "word": "word"}.get(kind, "token")

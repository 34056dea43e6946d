"""A classifier that answers while a text arrives, symbol by symbol; and its modules for export.

y_t from the recurrent layers, v_t = pooling of y_1 … y_t, z_t = W v_t + b: the answer if the text ended after t.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...cells import State
from ...cells.state import where
from ...layers.pooling import RUNNING, Pooled
from ..common.stepwise import state_names
from ..common.trained import Modules
from .model import Classifier
from .text_input import Tokenizer

# B texts side by side, C classes


class Read(NamedTuple):
    """The state after some symbols: of the recurrent layers, and what was pooled of their outputs."""

    layers: State
    pooled: Pooled


class Step(nn.Module):
    """One symbol ``ids (B,), state -> logits (B, C), state``, as if the texts ended there."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def initial_state(self, batch_size: int) -> Read:
        """The state before the first symbol."""
        return Read(
            self.model.stack.initial_state(batch_size),
            self.model.pooling.before(batch_size, self.model.head.weight),
        )

    def forward(self, ids: Tensor, state: Read) -> tuple[Tensor, Read]:
        y, layers = self.model.stack(self.model.embedding(ids[None]), state.layers)
        after = Read(layers, self.model.pooling.step(y[0], state.pooled))
        return self.answer(after), after

    def answer(self, state: Read) -> Tensor:
        """The logits ``(B, C)`` of what was read."""
        logits: Tensor = self.model.head(self.model.pooling.so_far(state.pooled))
        return logits


class SteppedClassifier:
    """The `Streaming` of a classifier: probabilities ``(B, C)`` after every symbol ``(B,)``."""

    def __init__(self, model: Classifier, lanes: int = 1) -> None:
        self.lanes, self._step = lanes, Step(model).eval()

    def initial_state(self) -> Read:
        """The state before the first step."""
        return self._step.initial_state(self.lanes)

    @torch.no_grad()
    def step(self, x: Tensor, state: Read) -> tuple[Tensor, Read]:
        """The probabilities after the symbols ``x (B,)``, and the state after them."""
        logits, state = self._step(x, state)
        return logits.double().softmax(1), state

    @torch.no_grad()
    def finish(self, state: Read) -> Tensor:
        """The probabilities at the end; a text without any symbol is read as one that is unknown."""
        empty = state.pooled.steps == 0
        if empty.any():
            _, after = self._step(torch.zeros_like(state.pooled.steps), state)
            state = where(empty, after, state)
        return self._step.answer(state).double().softmax(1)


def why_whole(model: Classifier) -> str:
    """Why a classifier must see a whole text, and the option with which one need not; empty if it need not."""
    if model.stack.num_directions > 1:
        return "it reads a text in both directions; train one with --no-bidirectional"
    if model.pooling.kind not in RUNNING:
        return f"its pooling, {model.pooling.kind}, sees a whole text; train one with --pooling last, mean or max"
    if model.bag is not None:
        return "it counts n-grams of a whole text; train one with --ngrams 0"
    return ""


def modules(model: Classifier, reader: Tokenizer, classes: list[str]) -> Modules:
    """See `Trained.modules`; ``step`` where it can answer step by step."""
    stepped = not why_whole(model)
    return Modules(
        model,
        Step(model) if stepped else None,
        (*state_names(model.stack), "pooled", "steps") if stepped else (),
        (("ids", "lengths"), ("logits",)),
        {"vocabulary": reader.vocabulary.to_json(), "lowercase": reader.lowercase, "classes": classes},
    )

"""Step-by-step classification of a text that arrives token by token, and the modules for export.

y_t from the recurrent layers, v_t = pooling of y_1 … y_t, z_t = W v_t + b: the logits of the text up to step t.
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
from .bag import Bag
from .cnn import ConvolutionalClassifier
from .model import Classifier, Model
from .text_input import Tokenizer

# B texts, C classes


class ClassifierState(NamedTuple):
    """The state of the recurrent layers and of the pooling."""

    layers: State
    pooled: Pooled


class Step(nn.Module):
    """One token: ``ids (B,), state -> logits (B, C), state``, the logits of the texts up to this token."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def initial_state(self, batch_size: int) -> ClassifierState:
        """Return the state before the first token."""
        return ClassifierState(
            self.model.stack.initial_state(batch_size),
            self.model.pooling.before(batch_size, self.model.head.weight),
        )

    def forward(self, ids: Tensor, state: ClassifierState) -> tuple[Tensor, ClassifierState]:
        y, layers = self.model.stack(self.model.embedding(ids[None]), state.layers)
        after = ClassifierState(layers, self.model.pooling.step(y[0], state.pooled))
        return self.answer(after), after

    def answer(self, state: ClassifierState) -> Tensor:
        """Return the logits ``(B, C)`` for a state."""
        logits: Tensor = self.model.head(self.model.pooling.so_far(state.pooled))
        return logits


class SteppedClassifier:
    """The `Streaming` interface of a classifier: probabilities ``(B, C)`` after each token ``(B,)``."""

    def __init__(self, model: Classifier, lanes: int = 1) -> None:
        self.lanes, self._step = lanes, Step(model).eval()

    def initial_state(self) -> ClassifierState:
        """Return the state before the first step."""
        return self._step.initial_state(self.lanes)

    @torch.no_grad()
    def step(self, x: Tensor, state: ClassifierState) -> tuple[Tensor, ClassifierState]:
        """Return the probabilities after the tokens ``x (B,)``, and the new state."""
        logits, state = self._step(x, state)
        return logits.double().softmax(1), state

    @torch.no_grad()
    def finish(self, state: ClassifierState) -> Tensor:
        """Return the final probabilities; a text without tokens is read as one unknown token."""
        empty = state.pooled.steps == 0
        if empty.any():
            _, after = self._step(torch.zeros_like(state.pooled.steps), state)
            state = where(empty, after, state)
        return self._step.answer(state).double().softmax(1)


def why_whole(model: Model) -> str:
    """Return why a classifier needs the whole text and which options avoid that; empty if it does not."""
    if isinstance(model, Bag):
        return "a bag counts the words of the whole text; train one with --kind recurrent"
    if isinstance(model, ConvolutionalClassifier):
        return "it reads a window of tokens at once; train one with --kind recurrent"
    if model.stack.num_directions > 1:
        return "it reads a text in both directions; train one with --no-bidirectional"
    if model.pooling.kind not in RUNNING:
        return f"its pooling, {model.pooling.kind}, needs the whole text; train one with --pooling last, mean or max"
    if model.bag is not None:
        return "it counts n-grams of the whole text; train one with --ngrams 0"
    return ""


def modules(model: Model, reader: Tokenizer, classes: list[str]) -> Modules:
    """See `Trained.modules`; with ``step`` if the classifier can run step by step."""
    stepwise = model if isinstance(model, Classifier) and not why_whole(model) else None
    return Modules(
        model,
        None if stepwise is None else Step(stepwise),
        () if stepwise is None else (*state_names(stepwise.stack), "pooled", "steps"),
        (("ids", "lengths"), ("logits",)),
        {
            "vocabulary": reader.vocabulary.to_json(),
            "lowercase": reader.lowercase,
            "spaced": reader.spaced,
            "classes": classes,
        },
    )

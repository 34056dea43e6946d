"""Step-by-step tagging of a sentence that arrives word by word, and the modules for export.

A word is a row of ids, ``(1 + LETTERS,)`` int64: of the word, then of its characters, padded with 0 (`Lexicon.rows`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...cells import State
from ..common.stepwise import Step, Stepwise, state_names
from ..common.trained import Modules
from .model import Tagger
from .words import Lexicon, TagSet

# T words, B sentences, R = 1 + LETTERS, K tags


class RowTagger(nn.Module):
    """``words (T, B, R), lengths (B,)`` → scores ``(T, B, K)``."""

    def __init__(self, model: Tagger) -> None:
        super().__init__()
        self.model = model

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        return self.model.score(self.model.embed_rows(words), lengths)


class StatefulTagger(nn.Module):
    """``words (T, B, R), state`` → scores ``(T, B, K)`` and the final state."""

    def __init__(self, model: Tagger) -> None:
        super().__init__()
        self.model = model

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first word."""
        return self.model.stack.initial_state(batch_size)

    def forward(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.model.stack(self.model.embed_rows(words), state)
        return self.model.head(y), state


class SteppedTagger(Stepwise):
    """The `Streaming` interface of a tagger: tag probabilities ``(B, K)`` after each word."""

    def __init__(self, model: Tagger, lanes: int = 1) -> None:
        super().__init__(StatefulTagger(model), lanes)

    @torch.no_grad()
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the tag probabilities of the words ``x (B, R)``, and the new state."""
        scores, state = super().step(x, state)
        return scores.float().softmax(1), state


def why_whole(model: Tagger) -> str:
    """Return why a tagger needs the whole sentence and which options avoid that; empty if it does not."""
    reasons = {
        "--no-bidirectional": "it reads a sentence in both directions" if model.stack.num_directions > 1 else "",
        "--no-crf": "it predicts all tags of a sentence jointly" if model.crf is not None else "",
    }
    reasons = {option: reason for option, reason in reasons.items() if reason}
    return f"{' and '.join(reasons.values())}; train one with {' and '.join(reasons)}" if reasons else ""


def modules(model: Tagger, lexicon: Lexicon, tags: TagSet, max_words: int) -> Modules:
    """See `Trained.modules`; with ``step`` if the tagger can run step by step."""
    stepwise = not why_whole(model)
    metadata = {"lexicon": lexicon.to_json(), "tags": tags.to_json(), "max_words": max_words}
    if model.crf is not None:
        names = ("follow", "begin", "end")
        metadata["crf"] = {name: scores.tolist() for name, scores in zip(names, model.crf.transitions(), strict=True)}
    return Modules(
        RowTagger(model),
        Step(StatefulTagger(model)) if stepwise else None,
        state_names(model.stack) if stepwise else (),
        (("words", "lengths"), ("scores",)),
        metadata,
    )

"""A tagger that answers while a sentence arrives, word by word; and its modules for export.

A word is a row of numbers, ``(1 + LETTERS,)`` int64: its own, then its letters', 0 past the last (`Lexicon.rows`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...cells import State
from ..common.stepwise import Step, Stepwise, state_names
from ..common.trained import Modules
from .model import Tagger
from .words import Lexicon, TagSet

# T words, B sentences, R numbers of a row, K tags


class RowTagger(nn.Module):
    """``words (T, B, R), lengths (B,)`` → scores ``(T, B, K)``."""

    def __init__(self, model: Tagger) -> None:
        super().__init__()
        self.model = model

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        return self.model.score(self.model.embed_rows(words), lengths)


class StatefulTagger(nn.Module):
    """``words (T, B, R), state`` → scores ``(T, B, K)``, and the state after."""

    def __init__(self, model: Tagger) -> None:
        super().__init__()
        self.model = model

    def initial_state(self, batch_size: int) -> State:
        """The state before the first word."""
        return self.model.stack.initial_state(batch_size)

    def forward(self, words: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.model.stack(self.model.embed_rows(words), state)
        return self.model.head(y), state


class SteppedTagger(Stepwise):
    """The `Streaming` of a tagger: the probabilities ``(B, K)`` of each word's tag as the word arrives."""

    def __init__(self, model: Tagger, lanes: int = 1) -> None:
        super().__init__(StatefulTagger(model), lanes)

    @torch.no_grad()
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The probabilities of the words ``x (B, R)``, and the state after them."""
        scores, state = super().step(x, state)
        return scores.float().softmax(1), state


def why_whole(model: Tagger) -> str:
    """Why a tagger must see a whole sentence, and the options with which one need not; empty if it need not."""
    told = {
        "--no-bidirectional": "it reads a sentence in both directions" if model.stack.num_directions > 1 else "",
        "--no-crf": "it chooses all tags of a sentence together" if model.crf is not None else "",
    }
    why = {option: one for option, one in told.items() if one}
    return f"{' and '.join(why.values())}; train one with {' and '.join(why)}" if why else ""


def modules(model: Tagger, lexicon: Lexicon, tags: TagSet, max_words: int) -> Modules:
    """See `Trained.modules`; ``step`` where it can answer step by step."""
    stepped = not why_whole(model)
    around = {"lexicon": lexicon.to_json(), "tags": tags.to_json(), "max_words": max_words}
    if model.crf is not None:
        names = ("follow", "begin", "end")
        around["crf"] = {name: one.tolist() for name, one in zip(names, model.crf.transitions(), strict=True)}
    return Modules(
        RowTagger(model),
        Step(StatefulTagger(model)) if stepped else None,
        state_names(model.stack) if stepped else (),
        (("words", "lengths"), ("scores",)),
        around,
    )

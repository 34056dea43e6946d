"""The subject of an inspection: a model and an input, each step of which has a place in the input.

A text is read as in training. A language model reads it continuously: the text is split into lanes that are read in
parallel, each after a warm-up on the preceding text, from the beginning of a paragraph if possible, because a model
that starts within a quotation cannot know it. All other models read line by line, with a new state for each line, in
both directions if they are bidirectional. The place of a token is its last character.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..cells.attentive import Attentive
from ..errors import RunError
from ..layers import Stack
from .passes import Lines, Pass, RunningText, sample_size


@dataclass(frozen=True)
class Inspection:
    """A model and an input to inspect it on.

    Attributes:
        model: the module whose recurrent layers are inspected.
        stack: returns these layers, of ``model`` or of a twin.
        twin: builds an untrained model of the same shape from torch's global random generator.
        symbols: the vocabulary size.
        text: how the model reads the input.
        tick: unit of the places of the input: character, frame, second, point.
    """

    model: nn.Module
    stack: Callable[[Any], Stack]
    twin: Callable[[], nn.Module]
    symbols: int
    text: RunningText | Lines
    tick: str = "character"

    def passes(self, model: nn.Module | None = None, *, sample: bool = False) -> Iterator[Pass]:
        """Yield passes over the whole input, or over a sample of `sample` tokens spread over it."""
        size = self.sample if sample and not self.short else 0
        return self.text.passes(self.model if model is None else model, size)

    @property
    def steps(self) -> int:
        """The number of tokens of the input."""
        return len(self.text)

    @property
    def width(self) -> int:
        """The number of units of h in all layers and directions."""
        return sum(cell.hidden_size for cell in self.stack(self.model).cells)

    @property
    def sample(self) -> int:
        """The number of tokens of a sample, which is larger for narrow networks."""
        return sample_size(self.width)

    @property
    def short(self) -> bool:
        """Whether the input is hardly longer than a sample of it."""
        return self.steps <= self.sample * 3 // 2

    def check_characters(self, view: str) -> None:
        """Raise `RunError` unless the places of the input are characters, as ``view`` requires."""
        if self.tick != "character":
            raise RunError(f"the view {view} reads text; this model's steps are {self.tick}s")


def has_recurrent_layers(model: nn.Module) -> bool:
    """Return whether a model has recurrent layers."""
    return any(isinstance(module, Stack | Attentive) for module in model.modules())


def check_recurrent(model: nn.Module) -> None:
    """Raise `RunError` for a model without recurrent layers."""
    if not has_recurrent_layers(model):
        kind = type(model).__name__
        raise RunError(
            f"a {kind} has no recurrent layers, so there are no units to inspect; use a run of a recurrent model"
        )

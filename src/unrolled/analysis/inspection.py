"""What is inspected: a model, and an input that goes through its recurrent layers, each step of which knows its place.

A text is read as the model was trained to read it. A language model reads it on and on: the text is cut into lanes
that are read side by side, each after a warm-up on what stands before it, from the beginning of a paragraph if there
is one: a model that begins to read within a quotation cannot know it. All other models read line by line, each line a
review or a sentence, with the state fresh, in both directions if they have two. A symbol's place is its last
character.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..errors import RunError
from ..layers import Stack
from .passes import Lines, Pass, RunningText, sample_size


@dataclass(frozen=True)
class Inspection:
    """A model and an input that it can read.

    Attributes:
        model: the module whose recurrent layers are looked at.
        stack: those layers, of ``model`` or of a twin.
        twin: makes an untrained model of the same shape, from torch's random numbers.
        symbols: how many different ones there are.
        text: how the model goes through the input.
        tick: what the places of the input count: character, frame, second, point.
    """

    model: nn.Module
    stack: Callable[[Any], Stack]
    twin: Callable[[], nn.Module]
    symbols: int
    text: RunningText | Lines
    tick: str = "character"

    def passes(self, model: nn.Module | None = None, *, sample: bool = False) -> Iterator[Pass]:
        """The whole input once, or a sample of `sample` symbols from all over it."""
        size = self.sample if sample and not self.short else 0
        return self.text.passes(self.model if model is None else model, size)

    @property
    def steps(self) -> int:
        """Symbols of the input."""
        return len(self.text)

    @property
    def width(self) -> int:
        """Units of h, of all layers and directions."""
        return sum(cell.hidden_size for cell in self.stack(self.model).cells)

    @property
    def sample(self) -> int:
        """Symbols of a sample: the narrower a network, the more of them take the same time."""
        return sample_size(self.width)

    @property
    def short(self) -> bool:
        """Whether the input is no longer than a sample of it would be."""
        return self.steps <= self.sample * 3 // 2

    def check_characters(self, view: str) -> None:
        """Raise `RunError` unless the places of the input are characters, for a view that needs them."""
        if self.tick != "character":
            raise RunError(f"the view {view} reads text; this model's steps are {self.tick}s")


def has_recurrent_layers(model: nn.Module) -> bool:
    """Whether there are recurrent layers in it."""
    return any(isinstance(one, Stack) for one in model.modules())


def check_recurrent(model: nn.Module) -> None:
    """Raise `RunError` for a model without recurrent layers."""
    if not has_recurrent_layers(model):
        kind = type(model).__name__
        raise RunError(
            f"a {kind} has no recurrent layers, so there are no units to look at; give a recurrent model's run"
        )

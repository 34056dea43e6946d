"""What the views, the laboratory and the page need of a trained language model, whichever task it is of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self, runtime_checkable

from torch import nn

from ...analysis.text_windows import LanguageModelHandle
from ...data import Corpus, Split
from ...kernels.generation import Precision
from .own_data import OwnPart


@runtime_checkable
class Writer(LanguageModelHandle, Protocol):
    """A trained language model."""

    config: Any

    def opening(self) -> str:
        """What stands before a text that begins out of nothing."""

    def stream(self, prompt: str = "", length: int = 500, *, stop: str | None = None, **sampling: Any) -> Iterator[str]:
        """A text that goes on from ``prompt``, piece by piece as it is written."""

    def freeze(self, precision: Precision = "float32") -> Self:
        """A copy that writes faster."""

    def unfreezable(self) -> str | None:
        """Why `freeze` cannot copy this model; `None` if it can."""

    def with_model(self, model: nn.Module) -> Self:
        """The same with another network of the same shape."""

    def untrained(self) -> nn.Module:
        """The network as its training began."""

    def corpus(self, data: str) -> Corpus:
        """Another text, read by the rules of the training."""

    def own_text(self, split: OwnPart, model: str = "the model") -> tuple[str, Split]:
        """A part of the text it was trained with: (its name, the text); ``model`` is its name in errors."""

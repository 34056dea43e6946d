"""The interface of a trained language model, of any task, for the views, the lab and the web page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self, Unpack, runtime_checkable

from torch import nn

from ...analysis.text_windows import LanguageModelHandle
from ...data import Corpus, Split
from ...decoding import SamplingOptions
from ...kernels.packing import Precision
from .own_data import OwnPart


@runtime_checkable
class Writer(LanguageModelHandle, Protocol):
    """A trained language model."""

    config: Any

    def opening(self) -> str:
        """Return the text that precedes an unconditional sample."""

    def stream(
        self, prompt: str = "", length: int = 500, *, stop: str | None = None, **sampling: Unpack[SamplingOptions]
    ) -> Iterator[str]:
        """Generate up to ``length`` tokens that continue ``prompt``, yielded piece by piece."""

    def freeze(self, precision: Precision = "float32") -> Self:
        """Return a copy that generates faster, with its weights in ``precision``."""

    def unfreezable(self) -> str | None:
        """Return the reason why `freeze` does not support this model; `None` if it does."""

    def with_model(self, model: nn.Module) -> Self:
        """Return a copy with another network of the same shape."""

    def untrained(self) -> nn.Module:
        """Return the network with its initial weights."""

    def corpus(self, data: str) -> Corpus:
        """Read another text as the training data was read."""

    def own_text(self, split: OwnPart, model: str = "the model") -> tuple[str, Split]:
        """Return (name, text) of a split of the model's own data; ``model`` is the model's name in errors."""

"""What the page is about: one model, one text, and the folder of the run."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...tasks.lm.trained import TrainedLanguageModel
from ...tasks.translate.trained import TrainedTranslator
from ...training.folder import RunFolder
from ..cell_search import TWINS
from ..hypotheses import Hypothesis
from ..reading import Reading

TASKS = {
    "TrainedLanguageModel": "lm",
    "TrainedClassifier": "classify",
    "TrainedTagger": "tag",
    "TrainedTranslator": "translate",
}


@dataclass(frozen=True)
class Inspected:
    """A run and the text it is looked at with.

    Attributes:
        name: the run's.
        model: what `unrolled.load` gave.
        reading: what `inspector.read` made of it and the text.
        text: it.
        source: where it came from.
        hypotheses: that are tried on it.
        folder: the run's; `None` for a model file by itself.
        twins: untrained networks that it can be compared with.
        seed: of their weights.
    """

    name: str
    model: Any
    reading: Reading
    text: str
    source: str
    hypotheses: Sequence[Hypothesis]
    folder: RunFolder | None = None
    twins: int = TWINS
    seed: int = 0

    @property
    def task(self) -> str:
        """``lm``, ``classify``, ``tag`` or ``translate``."""
        return TASKS[type(self.model).__name__]

    @property
    def writes(self) -> bool:
        """Whether it is a language model."""
        return isinstance(self.model, TrainedLanguageModel)

    @property
    def panes(self) -> list[str]:
        """What can be shown of this run."""
        panes = ["text"]
        if self.writes:
            panes += ["type", "write", "unrolled"]
        if self.folder is not None and self.folder.metrics.is_file():
            panes.append("training")
        if isinstance(self.model, TrainedTranslator):
            panes.append("translation")
        return panes

    @property
    def loss_unit(self) -> str:
        """What a loss is counted in."""
        if not self.writes:
            return "nats"
        kind = self.model.vocabulary.kind
        return "nats per " + {"char": "character", "byte": "byte", "word": "word"}.get(kind, "symbol")

    def about(self) -> str:
        """``LSTM, 2 layers of 256, 1,234,567 weights``."""
        stack = self.reading.stack(self.reading.model)
        cell = next(stack.cells)
        name = type(cell).__name__.removesuffix("Cell")
        layers = f"{stack.num_layers} layers" if stack.num_layers > 1 else "1 layer"
        both = " in both directions" if stack.num_directions > 1 else ""
        weights = sum(p.numel() for p in self.reading.model.parameters())
        return f"{name}, {layers} of {cell.hidden_size}{both}, {weights:,} weights"

    def copied(self) -> Reading:
        """The reading with a copy of the model: whatever watches a model must be alone with it."""
        return dataclasses.replace(self.reading, model=copy.deepcopy(self.reading.model))

    def writer(self) -> TrainedLanguageModel:
        """A copy of the language model."""
        model = self.model
        return TrainedLanguageModel(copy.deepcopy(model.model), model.vocabulary, model.config, model.fingerprint)

"""What the page is about: one model, one text, and the folder of the run."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from ...analysis.inspection import Inspection
from ...tasks.common.inspectable import Inspectable
from ...tasks.common.writer import Writer
from ...training.folder import RunFolder
from ..hypotheses import Hypothesis
from ..unit_search import TWINS


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
    model: Inspectable
    reading: Inspection
    text: str
    source: str
    hypotheses: Sequence[Hypothesis]
    folder: RunFolder | None = None
    twins: int = TWINS
    seed: int = 0

    @property
    def panes(self) -> list[str]:
        """What can be shown of this run."""
        logged = self.folder is not None and self.folder.metrics.is_file()
        return [pane for pane in self.model.panes if pane != "training" or logged]

    def about(self) -> str:
        """``LSTM, 2 layers of 256, 1,234,567 weights``."""
        stack = self.reading.stack(self.reading.model)
        cell = next(stack.cells)
        name = type(cell).__name__.removesuffix("Cell")
        layers = f"{stack.num_layers} layers" if stack.num_layers > 1 else "1 layer"
        both = " in both directions" if stack.num_directions > 1 else ""
        weights = sum(p.numel() for p in self.reading.model.parameters())
        return f"{name}, {layers} of {cell.hidden_size}{both}, {weights:,} weights"

    def copied(self) -> Inspection:
        """The reading with a copy of the model: whatever watches a model must be alone with it."""
        return dataclasses.replace(self.reading, model=copy.deepcopy(self.reading.model))

    def writer(self) -> Writer | None:
        """A copy of a language model, for whoever watches it or writes with it; `None` for other models."""
        model = self.model
        return model.with_model(copy.deepcopy(model.model)) if isinstance(model, Writer) else None

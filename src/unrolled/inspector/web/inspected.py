"""The subject of the page: one model, one text, and the run's folder."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...analysis.inspection import Inspection
from ...tasks.common.inspectable import Inspectable
from ...tasks.common.writer import Writer
from ...training.folder import RunFolder
from ..hypotheses import Hypothesis
from ..unit_search import TWINS


@dataclass(frozen=True)
class Inspected:
    """A run and the text on which it is inspected.

    Attributes:
        name: the run's name.
        model: the result of `unrolled.load`.
        reading: the result of `inspector.read` for the model and the text.
        text: the text.
        source: where the text came from, for display.
        hypotheses: the hypotheses to test.
        folder: the run's folder; `None` for a model file without a run.
        twins: the number of untrained networks to compare with.
        seed: the random seed of their weights.
        automatic: compare as soon as the units are scored, unless that would take very long.
        cache: the folder of saved comparisons; `None`: save none.
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
    automatic: bool = False
    cache: Path | None = None

    @property
    def panes(self) -> list[str]:
        """The panes available for this run; ``training`` needs a log."""
        logged = self.folder is not None and self.folder.metrics.is_file()
        return [pane for pane in self.model.panes if pane != "training" or logged]

    def about(self) -> str:
        """Return a summary such as ``LSTM, 2 layers of 256, 1,234,567 weights``."""
        stack = self.reading.stack(self.reading.model)
        cell = next(stack.cells)
        name = type(cell).__name__.removesuffix("Cell")
        layers = f"{stack.num_layers} layers" if stack.num_layers > 1 else "1 layer"
        both = " in both directions" if stack.num_directions > 1 else ""
        weights = sum(p.numel() for p in self.reading.model.parameters())
        return f"{name}, {layers} of {cell.hidden_size}{both}, {weights:,} weights"

    def copied(self) -> Inspection:
        """Return the inspection with a copy of the model, for a thread that captures its traces."""
        return dataclasses.replace(self.reading, model=copy.deepcopy(self.reading.model))

    def writer(self) -> Writer | None:
        """Return a copy of a language model, for a thread that captures or generates; `None` for other models."""
        model = self.model
        return model.with_model(copy.deepcopy(model.model)) if isinstance(model, Writer) else None

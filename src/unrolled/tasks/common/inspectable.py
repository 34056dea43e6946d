"""The interface of trained models that the inspector can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from ...analysis.inspection import Inspection


@runtime_checkable
class Readable(Protocol):
    """A trained model whose recurrent layers can be recorded while it reads an input."""

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """Return the recording of the model on an input; ``starts`` are the positions where documents begin."""


@runtime_checkable
class Inspectable(Readable, Protocol):
    """A trained model that the inspector's page can show."""

    @property
    def task(self) -> str:
        """The task's name."""

    @property
    def panes(self) -> tuple[str, ...]:
        """The names of the page's panes, in order; ``training`` only if there is a log."""

    @property
    def loss_unit(self) -> str:
        """The unit of the loss."""


@runtime_checkable
class OfLines(Protocol):
    """A trained model that reads its texts separately."""

    def own_lines(self) -> list[str]:
        """Return the texts of the test part of the run's own data."""


@runtime_checkable
class Paned(Protocol):
    """A trained model that provides panes of its own."""

    def pane(self, name: str, text: str) -> dict[str, Any]:
        """Return the content of the pane for a text, as plain data for JSON."""

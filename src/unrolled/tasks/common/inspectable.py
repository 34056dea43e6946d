"""What the inspector asks a trained model for, whatever its task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from ...analysis.inspection import Inspection


@runtime_checkable
class Readable(Protocol):
    """A trained model whose recurrent layers can be looked at while it reads."""

    def reading(self, text: str, starts: Sequence[int] = (0,)) -> Inspection:
        """How it goes through an input; ``starts`` is where documents begin."""


@runtime_checkable
class Inspectable(Readable, Protocol):
    """A trained model that the inspector's page can show."""

    @property
    def task(self) -> str:
        """Its task's name."""

    @property
    def panes(self) -> tuple[str, ...]:
        """The panes of its page, in order; ``training`` is left out where there is no log."""

    @property
    def loss_unit(self) -> str:
        """What its loss is counted in."""


@runtime_checkable
class Paned(Protocol):
    """A trained model with a pane of its own on the page."""

    def pane(self, name: str, text: str) -> dict[str, Any]:
        """What the pane shows of a text, as plain data for JSON."""

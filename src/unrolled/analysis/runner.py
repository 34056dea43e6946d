"""Recurrences that are run by somebody else for a while: how passes of a model are watched or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def run_by(layers: Any, runner: Callable[..., Any]) -> Iterator[None]:
    """Within it, ``runner`` runs every recurrence of ``layers``, a `Stack` or an `Attentive` cell; then whoever did."""
    before = vars(layers).get("runner")  # of its own; else that of its class
    layers.runner = runner
    try:
        yield
    finally:
        del layers.runner
        if before is not None:
            layers.runner = before

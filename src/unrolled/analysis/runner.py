"""Temporary replacement of the function that runs recurrences, to observe or change the passes of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def run_by(layers: Any, runner: Callable[..., Any]) -> Iterator[None]:
    """Context manager in which ``runner`` runs every recurrence of ``layers``, a `Stack` or an `Attentive` cell."""
    before = vars(layers).get("runner")  # of the instance; else that of the class applies
    layers.runner = runner
    try:
        yield
    finally:
        del layers.runner
        if before is not None:
            layers.runner = before

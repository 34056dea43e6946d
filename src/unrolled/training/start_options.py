"""The options of fine-tuning, shared by all tasks: a run to start from, frozen weights, and rates by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from ..errors import ArgumentError
from .config import refuse_changed


@dataclass(frozen=True, kw_only=True)
class Start:
    """Fine-tuning: start from the weights of another run."""

    from_run: str | None = None
    """run, model file or checkpoint whose weights training starts from"""
    freeze: tuple[str, ...] = ()
    """weights to keep fixed: embedding, "layer 1", head or a pattern of names"""
    unfreeze: Literal["all", "gradual"] = "all"
    """gradual: train the head first, then one more layer at a time"""
    layer_rate: float = 1.0
    """divide the learning rate by this from each layer to the next lower one"""

    def __post_init__(self) -> None:
        if self.from_run is not None and not self.from_run.strip():
            raise ArgumentError("from_run", "a run's folder, a model file or a checkpoint", self.from_run)
        if not (math.isfinite(self.layer_rate) and self.layer_rate >= 1):
            raise ArgumentError("layer_rate", "a number of at least 1", self.layer_rate)


@dataclass(frozen=True, kw_only=True)
class StartClasses(Start):
    """Fine-tuning: start from the weights of another run."""

    head: Literal["auto", "keep", "new"] = "auto"
    """output layer: auto (same classes), keep (add new classes) or new"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.from_run is None:
            refuse_changed(self, ("head",), "without --from")


START_OPTIONS = tuple(field.name for field in fields(StartClasses))
"""The names of these options, which cannot be changed when a run is resumed."""


def start_of(config: object) -> Start:
    """Return the options of fine-tuning of a task's config; the defaults if the task has none."""
    found = getattr(config, "start", None)
    return found if isinstance(found, Start) else Start()

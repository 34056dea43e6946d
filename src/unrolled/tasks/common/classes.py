"""The classes of a classifier of any input: their loss, and how they are stored and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ...cells import check_rate
from ...errors import RunError
from ...training.modelfile import ModelFile

MOST_CLASSES = 100_000
LISTED = 10  # classes


@dataclass(frozen=True, kw_only=True)
class ClassLoss:
    """The loss."""

    class_weights: Literal["none", "balanced"] = "none"
    """balanced: weight the loss inversely to the class frequencies"""
    label_smoothing: float = 0.0
    """label smoothing (Szegedy et al. 2016)"""

    def __post_init__(self) -> None:
        check_rate("label_smoothing", self.label_smoothing)

    def weights(self, labels: Tensor, classes: int) -> Tensor | None:
        """Return the weights N / (C · N_c) of the classes, whose mean over the examples is 1; `None` without weights.

        Args:
            labels: the class of each training example, ``(N,)``.
            classes: the number of classes, C.
        """
        if self.class_weights == "none":
            return None
        counts = torch.bincount(labels, minlength=classes).clamp(min=1)
        return len(labels) / (classes * counts.float())

    def of(self, logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
        """Return the mean loss of a batch, from logits ``(B, C)`` and ``labels (B,)``, with the result of `weights`."""
        device = logits.device
        weights = None if weights is None else weights.to(device)
        return F.cross_entropy(logits, labels.to(device), weights, label_smoothing=self.label_smoothing)


def stored_classes(file: ModelFile) -> list[str]:
    """Return the names of the classes in a model file.

    Raises:
        RunError: it does not list them.
    """
    classes = file.assets.get("classes")
    if (
        not isinstance(classes, list)
        or not 2 <= len(classes) <= MOST_CLASSES
        or not all(isinstance(name, str) for name in classes)
    ):
        raise RunError("the model file does not list its classes; restore it or train anew")
    return classes


def class_row(classes: Sequence[str]) -> tuple[str, str]:
    """Return the row of `Trained.about` on the classes."""
    more = f" and {len(classes) - LISTED:,} more" if len(classes) > LISTED else ""
    return "classes", ", ".join(classes[:LISTED]) + more

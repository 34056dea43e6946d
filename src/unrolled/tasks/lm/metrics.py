"""What is measured of a language model."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import nn

from ...data import Split, Vocabulary, Window
from ...training.metrics import LOSS, PERPLEXITY, Metric

METRICS = (
    LOSS,
    PERPLEXITY,
    Metric("bits_per_char", "bits per character"),
    Metric("unknown_tokens", "unknown symbols", ",.0f"),
)


def device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters lie, or its buffers if it has none."""
    return next(itertools.chain(model.parameters(), model.buffers())).device


@torch.no_grad()
def score(
    model: nn.Module,
    split: Split,
    vocabulary: Vocabulary,
    windows: Iterable[Window],
    progress: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """Total loss over the counted predictions of ``windows``, summed in float64.

    bits_per_char = total nats / (ln 2 · characters predicted). A text with unknown symbols has none: not knowing a
    symbol makes predicting it easy, so the figure could not be compared.
    """
    device = device_of(model)
    total, count, state = 0.0, 0, None
    for window in windows:
        if window.resets[0].all():
            state = None  # every lane begins anew; there may be fewer of them than before
        resets = window.resets.to(device) if window.resets.any() else None
        logits, state = model(window.inputs.to(device), state, resets)
        nats = F.cross_entropy(logits.flatten(0, 1).float(), window.targets.to(device).flatten(), reduction="none")
        counted = window.counted.to(device).flatten()
        total += float(nats.double()[counted].sum())
        count += int(counted.sum())
        if progress is not None:
            progress(count)
    loss = total / count
    metrics = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    if split.unknown:
        return {**metrics, "unknown_tokens": float(split.unknown)}
    characters = split.characters - len(vocabulary.decode(split.tokens[:1]))
    return {**metrics, "bits_per_char": total / (math.log(2) * max(1, characters))}

"""Metrics of a language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import nn

from ...data import Split, Vocabulary, Window
from ...training.metrics import LOSS, PERPLEXITY, Metric
from ...training.process import device_of

METRICS = (
    LOSS,
    PERPLEXITY,
    Metric("bits_per_char", "bits per character"),
    Metric("unknown_tokens", "unknown tokens", ",.0f"),
)
# Of tokenized text: in the literature's unit.
WORD_METRICS = (LOSS, PERPLEXITY._replace(shown=True), METRICS[2]._replace(shown=False), METRICS[3])


@torch.no_grad()
def score(
    model: nn.Module,
    split: Split,
    vocabulary: Vocabulary,
    windows: Iterable[Window],
    progress: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """Compute the metrics over the counted predictions of ``windows``, accumulated in float64.

    bits_per_char = total nats / (ln 2 · characters predicted). It is omitted for a text with unknown tokens: these are
    easier to predict than the characters they replace, so the value would not be comparable.

    Args:
        model: ``ids (T, B), state, resets -> logits (T, B, V), state``.
        split: the text, for its counts of characters and unknown tokens.
        vocabulary: the model's vocabulary.
        windows: the windows of ``split`` in order.
        progress: called with the number of tokens predicted so far.
    """
    device = device_of(model)
    total, count, state = 0.0, 0, None
    for window in windows:
        if window.resets[0].all():
            state = None  # every lane restarts; there may be fewer lanes than before
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

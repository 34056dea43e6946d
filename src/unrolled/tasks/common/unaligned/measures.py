"""The metrics of texts that were read: character and word error rate, exact lines."""

from __future__ import annotations

from collections.abc import Sequence

from ....data.text_errors import distance
from ....training.metrics import LOSS, Metric

METRICS = (
    LOSS._replace(label="nats per character"),
    Metric("cer", "CER", ".2%"),
    Metric("wer", "WER", ".2%"),
    Metric("exact", "exact", ".2%", larger_is_better=True),
)


def rates(read: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """Return the metrics by name, of texts and the true ones."""
    pairs = list(zip(truth, read, strict=True))
    characters = sum(len(text) for text in truth)
    words = sum(len(text.split()) for text in truth)
    return {
        "cer": sum(distance(a, b) for a, b in pairs) / max(1, characters),
        "wer": sum(distance(a.split(), b.split()) for a, b in pairs) / max(1, words),
        "exact": sum(a == b for a, b in pairs) / max(1, len(pairs)),
    }

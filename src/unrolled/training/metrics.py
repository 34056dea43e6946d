"""Metrics: name, label, number format, and whether larger values are better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Metric(NamedTuple):
    """A metric returned by `Task.evaluate`.

    name               the key in the results, in metrics.jsonl and in the model file
    label              the text after the number: ``nats``, ``BLEU``
    format             the format specification of the number
    larger_is_better   true for an accuracy, false for a loss or an error rate
    shown              whether progress lines include it
    """

    name: str
    label: str
    format: str = ".4f"
    larger_is_better: bool = False
    shown: bool = True

    def cost(self, value: float) -> float:
        """Return the value as a cost: smaller is better."""
        return -value if self.larger_is_better else value

    def text(self, value: float) -> str:
        """Return the value with its label: ``1.5230 nats``."""
        return f"{value:{self.format}} {self.label}"


LOSS = Metric("loss", "nats")
ACCURACY = Metric("accuracy", "accuracy", larger_is_better=True)
PERPLEXITY = Metric("perplexity", "perplexity", ".2f", shown=False)


def loss_unit(config: Any) -> str:
    """What the training loss is in: a task's group ``data`` may say so."""
    return str(getattr(getattr(config, "data", None), "loss_unit", LOSS.label))


def line(scores: dict[str, float], metrics: Iterable[Metric], sep: str = "  ") -> str:
    """Return the shown metrics on one line: ``1.5230 nats  2.1970 bits per character``."""
    known = {metric.name: metric for metric in metrics}
    named = ((known.get(name, Metric(name, name)), value) for name, value in scores.items() if name != "step")
    return sep.join(metric.text(value) for metric, value in named if metric.shown)

"""What a number is that a task measures: how it is called, written, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Metric(NamedTuple):
    """One number of `Task.evaluate`.

    name               its key there, in metrics.jsonl and in the model file
    label              what stands behind the number: ``nats``, ``BLEU``
    format             how the number is written
    larger_is_better   an accuracy is, a loss or an error rate is not
    shown              whether a line of progress has room for it
    """

    name: str
    label: str
    format: str = ".4f"
    larger_is_better: bool = False
    shown: bool = True

    def cost(self, value: float) -> float:
        """The value as something that should be small."""
        return -value if self.larger_is_better else value

    def text(self, value: float) -> str:
        """``1.5230 nats``."""
        return f"{value:{self.format}} {self.label}"


LOSS = Metric("loss", "nats")
ACCURACY = Metric("accuracy", "accuracy", larger_is_better=True)
PERPLEXITY = Metric("perplexity", "perplexity", ".2f", shown=False)


def loss_unit(config: Any) -> str:
    """What the training loss is in: a task's group ``data`` may say so."""
    return str(getattr(getattr(config, "data", None), "loss_unit", LOSS.label))


def line(scores: dict[str, float], metrics: Iterable[Metric], sep: str = "  ") -> str:
    """``1.5230 nats  2.1970 bits per character``: the scores that a line has room for."""
    known = {metric.name: metric for metric in metrics}
    named = ((known.get(name, Metric(name, name)), value) for name, value in scores.items() if name != "step")
    return sep.join(metric.text(value) for metric, value in named if metric.shown)

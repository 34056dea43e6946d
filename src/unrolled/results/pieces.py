"""A text in pieces: spans with a label or a weight, and the text between them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LEAST = 0.05  # the weight of a piece that is worth a mark in plain text


@dataclass(frozen=True)
class Margin:
    """The log-odds that an explanation divides among the words, in nats.

        margin = log p(chosen) − log p(other) = baseline + Σ weights

    Attributes:
        chosen: the predicted class or type.
        other: the most probable of the others.
        value: the margin of the text.
        baseline: the margin of a text of the same length whose words are zero vectors.
        own: of an entity, the part of its own words; `None` for a whole text.
    """

    chosen: str
    other: str
    value: float
    baseline: float
    own: float | None = None

    def plain(self) -> str:
        """``log-odds of positive against negative +2.31 nats (-0.85 without the words)``."""
        parts = f"{self.baseline:+z.2f} without the words"
        if self.own is not None:
            parts += f", {self.own:+z.2f} itself, {self.value - self.baseline - self.own:+z.2f} the other words"
        return f"log-odds of {self.chosen} against {self.other} {self.value:+z.2f} nats ({parts})"

    def as_json(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        values = {"for": self.chosen, "against": self.other, "margin": self.value, "baseline": self.baseline}
        return values | ({} if self.own is None else {"own": self.own})


@dataclass(frozen=True)
class Piece:
    """A span of the text.

    Attributes:
        text: the span's text; the pieces of a prediction, joined, are the whole text.
        label: the predicted label, such as ``person``; empty for none.
        weight: the contribution to a margin, from −1 (against the answer) to 1 (for it), in units of the prediction's
            ``scale``; 0 if not computed.
        speaks_for: the class that the weight speaks for.
        probability: of the label; `None` if not computed.
        margin: of the label, if it was explained.
        unknown: the words of the span that are not in the model's vocabulary, if it was explained.
    """

    text: str
    label: str = ""
    weight: float = 0.0
    speaks_for: str = ""
    probability: float | None = None
    margin: Margin | None = None
    unknown: tuple[str, ...] = ()

    @property
    def marked(self) -> bool:
        """Whether it has a label, a weight or unknown words."""
        return bool(self.label or self.weight or self.unknown)

    def remarks(self, scale: float) -> str:
        """``(97%)``, ``(+0.81)`` or ``(+0.81, unknown)``: what follows the piece in plain text; empty for nothing."""
        remarks = []
        if self.label:
            remarks += [] if self.probability is None else [f"{self.probability:.0%}"]
            remarks += [f"unknown: {' '.join(self.unknown)}"] if self.unknown else []
        else:
            remarks += [f"{self.weight * scale:+z.2f}"] if abs(self.weight) >= LEAST else []
            remarks += ["unknown"] if self.unknown else []
        return f"({', '.join(remarks)})" if remarks else ""

    def as_json(self) -> dict[str, Any]:
        """Return plain data for JSON, without the position."""
        values: dict[str, Any] = {"text": self.text}
        if self.label:
            values["label"] = self.label
            values |= {} if self.probability is None else {"probability": self.probability}
            values |= {} if self.margin is None else self.margin.as_json()
        elif self.weight:
            values["weight"] = self.weight
            values |= {"for": self.speaks_for} if self.speaks_for else {}
        return values | ({"unknown": list(self.unknown)} if self.unknown else {})


def number_of(label: str, labels: Sequence[str]) -> int:
    """Return the number of a label's colour: its place among the labels of the model, or a hash of its name."""
    if label in labels:
        return labels.index(label)
    return zlib.crc32(label.encode("utf-8", errors="replace"))

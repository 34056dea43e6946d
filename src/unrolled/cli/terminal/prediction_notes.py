"""Notes on all predictions of `unrolled predict`: blank inputs, unknown tokens, unsure answers."""

from __future__ import annotations

from collections.abc import Iterator

from ...results import Prediction, is_blank

LISTED = 5  # inputs of unknown tokens


class PredictionNotes:
    """Counts what may explain a surprising prediction."""

    def __init__(self) -> None:
        self.count = self.blank = self.unsure = self.unknown = self.tokens = 0
        self.noun = "input"
        self.mostly_unknown: list[int] = []

    def add(self, prediction: Prediction, noun: str = "input") -> None:
        """Count a prediction, of an input or a ``row`` of a table."""
        self.count += 1
        self.noun = noun
        self.blank += is_blank(prediction.text)
        self.unsure += bool(prediction.probabilities) and prediction.answer not in prediction.probabilities
        if prediction.unknown is not None:
            unknown, total = prediction.unknown
            self.unknown += unknown
            self.tokens += total
            if 2 * unknown > total:
                self.mostly_unknown.append(self.count)

    def lines(self) -> Iterator[str]:
        """Yield the notes."""
        if self.blank:
            yield f"blank inputs, with empty predictions: {self.blank:,} of {self.count:,}"
        if self.unsure:
            yield f"unsure answers, below --threshold: {self.unsure:,} of {self.count:,}"
        if self.unknown:
            share = self.unknown / self.tokens
            yield f"tokens outside the vocabulary of the model: {self.unknown:,} of {self.tokens:,} ({share:.0%})"
        if self.mostly_unknown:
            numbers = ", ".join(f"{number:,}" for number in self.mostly_unknown[:LISTED])
            noun = self.noun + "s" * (len(self.mostly_unknown) > 1)
            more = ", …" if len(self.mostly_unknown) > LISTED else ""
            yield f"inputs with mostly such tokens, whose predictions are guesses: {noun} {numbers}{more}"

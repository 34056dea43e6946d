"""The sentences that a search found, best first, as values of JSON and cells of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Sentence(Protocol):
    """A sentence with its score."""

    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def log_probability(self) -> float: ...


def as_value(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence for JSON."""
    return {name: getattr(sentence, name) for name in ("text", "score", "log_probability")}


def as_cells(name: str, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Return cells by column: ``caption``, ``score``, ``caption_2``, ``score_2``, … for the name ``caption``."""
    cells: dict[str, Any] = {}
    for rank, sentence in enumerate(sentences, 1):
        number = f"_{rank}" if rank > 1 else ""
        cells |= {f"{name}{number}": sentence.text, f"score{number}": round(sentence.score, 4)}
    return cells

"""The options of the search for the best sentence, with the defaults of the run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ...decoding.search import Search
from ...errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """The options of the search; omitted options are those of the run."""

    beam: int | None = None
    """beam size; 1: greedy search"""
    length_penalty: float | None = None
    """length penalty, above 0 favours longer outputs (Wu et al. 2016, section 7)"""
    coverage_penalty: float | None = None
    """coverage penalty; above 0 favours attention to every position of the input"""
    min_length: int | None = None
    """minimum tokens of an output"""
    max_length: int | None = None
    """maximum tokens of an output"""
    no_repeat_ngram: int | None = None
    """never repeat an n-gram of this length"""

    def __post_init__(self) -> None:
        Search().changed(**self.given())

    def given(self) -> dict[str, Any]:
        """Return the given options of `Search` by name."""
        options = {field.name: getattr(self, field.name, None) for field in fields(Search)}
        return {name: value for name, value in options.items() if value is not None}

    def check(self, model: Any) -> None:
        """Raise `ArgumentError` for a coverage penalty without attention; ``model`` is a `Decoder`."""
        if self.coverage_penalty and model.attention is None:
            expected = f"omitted for a {type(model).__name__.lower()} without attention"
            raise ArgumentError("coverage_penalty", expected, self.coverage_penalty)

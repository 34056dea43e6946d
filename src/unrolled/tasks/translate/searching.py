"""The options by which the search for a translation differs from the run's own."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ...decoding.search import Search
from ...errors import ArgumentError
from .model import Translator
from .writing import Decoding


@dataclass(frozen=True, kw_only=True)
class Searching:
    """How translations are searched for; as in training where nothing is said."""

    beam: int | None = None
    """sentences kept while writing; 1: always the likeliest symbol"""
    length_penalty: float | None = None
    """above 0 longer translations are preferred (Wu et al. 2016, section 7)"""
    coverage_penalty: float | None = None
    """above 0 those that have looked at every word of the source are (the same)"""
    min_length: int | None = None
    """symbols that a translation has at least"""
    max_length: int | None = None
    """and at most"""
    no_repeat_ngram: int | None = None
    """never write the same so many symbols twice"""

    def __post_init__(self) -> None:
        Decoding().changed(**self.given())

    def given(self) -> dict[str, Any]:
        """The options of `Search` that were given."""
        return {one.name: value for one in fields(Search) if (value := getattr(self, one.name, None)) is not None}

    def check(self, model: Translator) -> None:
        """Raise `ArgumentError` for coverage where no attention could cover anything."""
        if self.coverage_penalty and model.attention is None:
            expected = "left out for a translator without attention"
            raise ArgumentError("coverage_penalty", expected, self.coverage_penalty)

"""Decoding: sampling, generation and beam search. All work on a ``step`` function or a frozen model of any task."""

from .beam import beam_search
from .frozen import frozen_chunks, generate_frozen
from .generate import TextWriter, generate
from .greedy import greedy
from .sampling import Sampling, SamplingOptions
from .search import Hypothesis, Search, SearchStep
from .session import Session

__all__ = [
    "Hypothesis",
    "Sampling",
    "SamplingOptions",
    "Search",
    "SearchStep",
    "Session",
    "TextWriter",
    "beam_search",
    "frozen_chunks",
    "generate",
    "generate_frozen",
    "greedy",
]

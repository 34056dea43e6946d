"""See inside: which units of a network know what about a text, its states on disk, and a page that shows them."""

from ..analysis.inspection import Reading
from .cell_search import search, untrained
from .findings import Finding, Found, Scored, Unit
from .hypotheses import Hypothesis, Labels, built_in, label, own
from .reading import read

__all__ = [
    "Finding",
    "Found",
    "Hypothesis",
    "Labels",
    "Reading",
    "Scored",
    "Unit",
    "built_in",
    "label",
    "own",
    "read",
    "search",
    "untrained",
]

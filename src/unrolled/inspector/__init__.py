"""See inside: which units of a network know what about a text, its states on disk, and a page that shows them."""

from .hypotheses import Hypothesis, Labels, built_in, label, own
from .reading import Reading, read
from .cell_search import Finding, Found, Scored, Unit, search, untrained

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

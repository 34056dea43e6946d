"""See inside: which units of a network know what about a text, its states on disk, and a page that shows them."""

from .cell_search import Finding, Found, Scored, Unit, search, untrained
from .hypotheses import Hypothesis, Labels, built_in, label, own
from .reading import Reading, read

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

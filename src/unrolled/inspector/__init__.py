"""Inspect a trained network: score its units against hypotheses about a text, save its states, show them on a page."""

from ..analysis.inspection import Inspection
from .findings import Encoded, Finding, Found, Scored, Unit
from .hypotheses import Hypothesis, Labels, built_in, label, own
from .reading import read
from .unit_search import search, untrained

Reading = Inspection
"""The earlier name of `Inspection`."""

__all__ = [
    "Encoded",
    "Finding",
    "Found",
    "Hypothesis",
    "Inspection",
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

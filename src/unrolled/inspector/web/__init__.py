"""The inspector's live page: a local server for one run and one text."""

from .app import application
from .inspected import Inspected

__all__ = ["Inspected", "application"]

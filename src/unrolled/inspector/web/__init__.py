"""The inspector's page, live: a server on this machine for one run and one text."""

from .app import application
from .inspected import Inspected

__all__ = ["Inspected", "application"]

"""What inspection, the laboratory and predictions share."""

from .capture import capture

__all__ = ["capture"]

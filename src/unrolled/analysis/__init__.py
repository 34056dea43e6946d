"""What inspection, the laboratory and predictions share."""

from .capture import capture
from .clamp import clamp

__all__ = ["capture", "clamp"]

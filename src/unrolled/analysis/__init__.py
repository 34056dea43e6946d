"""What inspection, the laboratory and predictions share."""

from .capture import capture
from .clamp import clamp
from .unit_names import hold

__all__ = ["capture", "clamp", "hold"]

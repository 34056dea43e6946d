"""Analysis of recurrent models: capture gates, hold units, attribute predictions, compare models."""

from .capture import capture
from .clamp import clamp
from .unit_names import hold

__all__ = ["capture", "clamp", "hold"]

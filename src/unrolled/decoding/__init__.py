"""From scores to symbols: sampling and writing. Each takes a ``step``, not a model."""

from .generate import TextWriter, generate
from .sampling import Sampling
from .session import Session

__all__ = ["Sampling", "Session", "TextWriter", "generate"]

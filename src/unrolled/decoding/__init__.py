"""From scores to symbols: sampling and writing. Each takes a ``step``, not a model."""

from .generate import TextWriter, generate
from .sampling import Sampling

__all__ = ["Sampling", "TextWriter", "generate"]

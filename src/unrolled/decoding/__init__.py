"""From scores to symbols: sampling and writing. Each takes a ``step`` or a frozen model, not a task's."""

from .frozen import generate_frozen
from .generate import TextWriter, generate
from .sampling import Sampling
from .session import Session

__all__ = ["Sampling", "Session", "TextWriter", "generate", "generate_frozen"]

"""Standard input, read whole, as an input."""

from __future__ import annotations

import sys
from typing import Any

from ...errors import DataError
from ...results import Input
from ...results.inputs import MOST_BYTES

NAME = "standard input"


def standard_input(most: int = MOST_BYTES) -> Input:
    """Read standard input to its end, or one byte beyond ``most``, which `Input.text` then rejects.

    Raises:
        DataError: it cannot be read.
    """
    stream: Any = getattr(sys.stdin, "buffer", None)
    try:
        if stream is None:  # replaced by a text stream
            return Input(sys.stdin.read(), NAME)
        return Input(stream.read(most + 1), NAME)
    except OSError as error:
        raise DataError(f"cannot read standard input: {error.strerror or error}") from error

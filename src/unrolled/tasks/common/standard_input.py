"""Standard input, read whole, in the place of a text."""

from __future__ import annotations

import sys
from typing import Any

from ...errors import DataError
from ...results import Input
from ...results.inputs import MOST_BYTES

NAME = "standard input"


def standard_input(most: int = MOST_BYTES) -> Input:
    """What comes until its end, or until it is longer than ``most`` bytes, which `Input.text` then refuses.

    Raises:
        DataError: it cannot be read.
    """
    stream: Any = getattr(sys.stdin, "buffer", None)
    try:
        if stream is None:  # text that somebody put in its place
            return Input(sys.stdin.read(), NAME)
        return Input(stream.read(most + 1), NAME)
    except OSError as error:
        raise DataError(f"cannot read standard input: {error.strerror or error}") from error

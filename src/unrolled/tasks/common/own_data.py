"""The data that a model was trained on, read again: whether it is still the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from ...errors import DataError, RunError

D = TypeVar("D")

OwnPart = Literal["valid", "test", "train", "heldout"]
"""a part of the data of the training; heldout: validation and test"""


def own_data(
    read: Callable[[], D],
    digest: Callable[[D], str],
    trained: str | None,
    *,
    what: str,
    model: str = "the model",
    elsewhere: bool = True,
) -> D:
    """What ``read()`` gives, if it is the data of the training.

    Args:
        read: reads the data.
        digest: of the data, what changes with it and with its division into parts.
        trained: the digest at the time of the training.
        what: the name of the data, for errors.
        model: the model or run, for errors.
        elsewhere: whether ``--data`` can name other data, for errors.

    Raises:
        RunError: the data cannot be read, or has changed.
    """
    try:
        data = read()
    except (DataError, OSError) as error:
        remedy = "or give --data" if elsewhere else "put it back"
        raise RunError(f"the data {what} that {model} was trained on cannot be read: {error}; {remedy}") from error
    if digest(data) != trained:
        raise RunError(
            f"the data {what} has changed since {model} was trained, so its parts are not the same; put the old data "
            f"back{', or give other data with --data' if elsewhere else ''}"
        )
    return data

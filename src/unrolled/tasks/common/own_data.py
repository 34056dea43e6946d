"""Read a model's training data again, and check that it has not changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from ...errors import DataError, RunError

D = TypeVar("D")

OwnPart = Literal["valid", "test", "train", "heldout"]
"""a split of the run's own data; heldout: validation and test"""


def own_data(
    read: Callable[[], D],
    digest: Callable[[D], str],
    trained: str | None,
    *,
    what: str,
    model: str = "the model",
    elsewhere: bool = True,
) -> D:
    """Return ``read()``, if it is the data the model was trained on.

    Args:
        read: reads the data.
        digest: computes a fingerprint of the data and its splits.
        trained: the fingerprint at training time.
        what: the data's name, for errors.
        model: the model's or run's name, for errors.
        elsewhere: whether ``--data`` can name other data, for errors.

    Raises:
        RunError: the data cannot be read, or has changed.
    """
    try:
        data = read()
    except (DataError, OSError) as error:
        remedy = "or give --data" if elsewhere else "restore it"
        raise RunError(f"the data {what} that {model} was trained on cannot be read: {error}; {remedy}") from error
    if digest(data) != trained:
        raise RunError(
            f"the data {what} has changed since {model} was trained, so its splits differ; restore the old data"
            f"{', or give other data with --data' if elsewhere else ''}"
        )
    return data

"""Read a model's training data again, and check that it has not changed; the base of models trained on three sets."""

from __future__ import annotations

from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

from ...checks import checked_methods
from ...data.sets import Sets
from ...errors import DataError, RunError
from .prediction import Part
from .trained import Trained

D = TypeVar("D")
E = TypeVar("E", bound=Sized)

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


def own_sets(model: Trained) -> Any:
    """Return the `Sets` that a model was trained on: ``read()`` of its data options.

    Raises:
        RunError: they cannot be read, or have changed.
    """
    own = model.config.data
    return own_data(own.read, lambda sets: sets.digest(), model.fingerprint, what=own.data)


@checked_methods
class TrainedOnSets(Trained, Generic[E]):
    """A trained model of a task whose data are training, validation and test sets of examples ``E``; see `SetsTask`.

    Attributes:
        noun: the plural noun for examples in messages, such as ``texts``.
    """

    noun: ClassVar[str]

    def own_sets(self) -> Sets[E]:
        """Read the run's own data sets.

        Raises:
            RunError: they cannot be read, or have changed.
        """
        sets: Sets[E] = own_sets(self)
        return sets

    def read_other(self, data: str, *options: Any, **more: Any) -> tuple[E, list[str]]:
        """Return the examples of a file or a named data set, and notes; subclasses implement this.

        Raises:
            DataError: they cannot be read.
        """
        raise NotImplementedError

    def find(self, data: str | Path | None, split: Part, **reading: Any) -> tuple[E, list[str]]:
        """Return the examples of ``data``, or a part of the run's own, and notes.

        Args:
            data: a file or a named data set; `None`: the run's own data.
            split: the part of the run's own data.
            reading: how ``data`` is read; see `read_other`.

        Raises:
            DataError: there are no examples.
            RunError: the run's own data cannot be read, or have changed.
        """
        if data is not None:
            examples, notes = self.read_other(str(data), **reading)
        else:
            sets = self.own_sets()
            examples, notes = sets.parts()[split], sets.notes
        if not len(examples):
            raise DataError(f"there are no {split} {self.noun}; choose another --split, or {self.noun} with --data")
        return examples, notes

"""Examples of sequences without alignment: an array and a text each; and the checks of both before training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ....data.vocabulary import Ids
from ....errors import DataError
from ....layers.ctc import Ints, frames_needed

# N examples, S symbols of the longest target

BLANK = 0
Counts = npt.NDArray[np.int64]
TooLong = Literal["error", "skip"]


class Transcribed(Protocol):
    """Examples: arrays with the texts that they show, or that are spoken in them."""

    @property
    def names(self) -> Sequence[str]:
        """What each example is called in messages."""

    @property
    def texts(self) -> Sequence[str]: ...
    @property
    def groups(self) -> Sequence[str]:
        """The group of each example, such as its script or its book."""

    @property
    def widths(self) -> Counts:
        """The size of each array along time ``(N,)``."""

    @property
    def digests(self) -> Sequence[str]:
        """A digest of each example."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> npt.NDArray[Any]: ...
    def pick(self, indices: Iterable[int], /) -> Self: ...


class Targets(NamedTuple):
    """The targets of a batch."""

    ids: Tensor  # (B, S), padded
    lengths: Tensor  # (B,)


def padded(targets: Sequence[Ids]) -> Targets:
    """Return targets as a batch."""
    lengths = [len(ids) for ids in targets]
    table = np.zeros((len(targets), max(lengths, default=0)), np.int64)
    for row, ids in zip(table, targets, strict=True):
        row[: len(ids)] = ids
    return Targets(torch.from_numpy(table), torch.tensor(lengths, dtype=torch.int64))


def needed(targets: Sequence[Ids]) -> Ints:
    """Return the frames that each target needs at least ``(N,)``: one a symbol, one a blank between equal ones."""
    ids, lengths = padded(targets)
    return frames_needed(ids.numpy(), lengths.numpy())


def usable(
    examples: Transcribed, targets: Sequence[Ids], frames: Counts, remedy: str, too_long: TooLong
) -> tuple[list[int], list[str]]:
    """Return the indices of the examples that can be trained on, and notes.

    Args:
        examples: the training examples.
        targets: the classes of each text.
        frames: the frames of each example ``(N,)``.
        remedy: what gives an example more frames.
        too_long: what to do with a text that has more symbols than its example has frames.

    Raises:
        DataError: a target needs more frames than its example has, and ``too_long`` is ``error``; or none is left.
    """
    least, sizes = needed(targets), np.array([len(ids) for ids in targets])
    long = np.flatnonzero(least > frames)
    empty = np.flatnonzero(sizes == 0)
    if len(long) and too_long == "error":
        first = int(long[0])
        repeats = int(least[first] - sizes[first])
        blanks = f" and {repeats} blanks between equal neighbours" if repeats else ""
        many = f" ({len(long):,} such examples)" if len(long) > 1 else ""
        raise DataError(
            f"{examples.names[first]}: its text has {sizes[first]} symbols{blanks}, so it needs at least "
            f"{least[first]} frames, and it has {frames[first]}{many}; check that the text belongs to it, {remedy}, "
            f"or omit such examples with --too-long skip"
        )
    kept = sorted(set(range(len(examples))) - set(long.tolist()) - set(empty.tolist()))
    notes = []
    if len(long):
        notes.append(f"{len(long):,} examples omitted: their texts need more frames than they have")
    if len(empty):
        notes.append(f"{len(empty):,} examples omitted: their texts are empty, the first is {examples.names[empty[0]]}")
    if not kept:
        raise DataError(f"no example can be trained on: {'; '.join(notes) or 'there are none'}")
    return kept, notes

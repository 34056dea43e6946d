"""Training, validation and test sets of examples, and how the sets that are not given are split off.

A split depends neither on the seed nor on the order of the labels: it is a hash of the index of each example.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from ..errors import ArgumentError, DataError
from .counter import uniform
from .folds import Indices, check_classes, grouped
from .folds import split as split_fold

PARTS = ("train", "valid", "test")

Fractions = tuple[float, float, float]


class Labelled(Protocol):
    """Examples with a label each, such as `Pictures`."""

    @property
    def labels(self) -> Sequence[str]: ...
    def __len__(self) -> int: ...
    def pick(self, indices: Iterable[int], /) -> Any: ...


E = TypeVar("E")
L = TypeVar("L", bound=Labelled)


@dataclass(frozen=True)
class Sets(Generic[E]):
    """Training, validation and test sets, with notes for the user.

    Attributes:
        train, valid, test: the examples; they have a length and a ``digest()``.
        notes: what was skipped, and what the user should know.
        how: how each file was read.
    """

    train: E
    valid: E
    test: E
    notes: list[str] = field(default_factory=list)
    how: list[str] = field(default_factory=list)

    def parts(self) -> dict[str, E]:
        """Return the sets by the names in `PARTS`."""
        return {part: getattr(self, part) for part in PARTS}

    def digest(self) -> str:
        """Return a digest of all examples and of the split."""
        parts: Iterable[Any] = self.parts().values()
        return " ".join(part.digest() for part in parts)


def check_fractions(fractions: Fractions | None) -> None:
    """Raise `ArgumentError` for invalid fractions of training, validation and test set."""
    if fractions is not None and not (min(fractions) >= 0 and fractions[0] > 0 and abs(sum(fractions) - 1) <= 1e-6):
        raise ArgumentError("fractions", "three fractions of at least 0 that sum to 1", fractions)


def divide(
    pool: L,
    own: Mapping[str, L],
    keys: Sequence[Hashable],
    fractions: Fractions | None,
    folds: int = 0,
    fold: int = 0,
    *,
    where: object,
    noun: str,
    group: bool = True,
) -> tuple[dict[str, L], list[str]]:
    """Return the three sets by the names in `PARTS`, and notes.

    Args:
        pool: the examples of the training data.
        own: separate validation and test sets, which are not split off.
        keys: of each example of ``pool``; those with equal keys are in the same fold.
        fractions: fractions of ``pool`` for training, validation and test (default 0.8, 0.1, 0.1).
        folds: number of folds for cross-validation; 0: off.
        fold: the fold that is the test set.
        where: the name of the data, for errors.
        noun: the plural noun for examples, such as ``texts``.
        group: put examples with equal keys into the same set without folds, too.

    Raises:
        ArgumentError: a class has fewer examples than there are folds.
        DataError: the training or the validation set would be empty.
    """
    shares, notes = with_own(fractions, own), list[str]()
    if folds:
        check_classes(keys, pool.labels, folds, noun)
        share = 0.0 if "valid" in own else shares[1] / (shares[0] + shares[1])
        indices = split_fold(keys, pool.labels, folds, fold, share)
        notes.append(f"the test set is fold {fold + 1} of {folds} (--fold {fold})")
    else:
        indices = _divided(grouped(keys) if group else np.arange(len(pool)), shares)
    sets: dict[str, L] = {part: pool.pick(chosen) for part, chosen in zip(PARTS, indices, strict=True)} | dict(own)
    if not len(sets["train"]) or not len(sets["valid"]):
        raise DataError(
            f"{where} has {len(pool):,} labelled {noun}: too few for training and validation fractions of "
            f"{shares[0]:g} and {shares[1]:g}; give more, or other --fractions"
        )
    return sets, notes


def _divided(groups: Indices, shares: Fractions) -> tuple[list[int], list[int], list[int]]:
    """Return the indices of three sets of these fractions; ``groups (N,)``: examples of one group stay together."""
    order = np.lexsort((groups, uniform(0, groups)))
    first = _whole_group(groups[order], round(shares[0] * len(groups)))
    second = _whole_group(groups[order], first + round(shares[1] * len(groups))) if shares[2] else len(groups)
    train, valid, test = (sorted(part.tolist()) for part in (order[:first], order[first:second], order[second:]))
    return train, valid, test


def with_own(fractions: Fractions | None, own: Collection[str]) -> Fractions:
    """Return the fractions for the three sets; those of separate ones, ``own``, are added to training."""
    shares = fractions or ((0.9, 0.1, 0.0) if "test" in own else (0.8, 0.1, 0.1))
    if "test" in own and shares[2]:
        shares = (shares[0] + shares[2], shares[1], 0.0)
    if "valid" in own and shares[1]:
        shares = (shares[0] + shares[1], 0.0, shares[2])
    return shares


def _whole_group(groups: Indices, end: int) -> int:
    """Return the first index from ``end`` on at which another group begins."""
    while 0 < end < len(groups) and groups[end] == groups[end - 1]:
        end += 1
    return end

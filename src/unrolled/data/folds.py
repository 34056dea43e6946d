"""Folds for cross-validation: every example is in the test set of one fold.

Equal texts are in the same fold, so that no test text was seen in training, and every class is divided evenly among the
folds (stratified). The assignment is a pure function of the texts and labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from .counter import uniform

_SHUFFLED = 0xF01D  # random stream

Indices = npt.NDArray[np.int64]


def check_folds(folds: int, fold: int | None, test: object) -> None:
    """Raise `ArgumentError` for invalid ``folds`` and ``fold``, or a separate test set beside them."""
    at = fold or 0
    if folds < 0:
        raise ArgumentError("folds", "an integer of at least 2, or 0 for none", folds)
    if folds == 1 or (at >= folds > 0) or at < 0 or (fold and not folds):
        raise ArgumentError("fold", "less than folds, which must be 0 or at least 2", at)
    if folds and test is not None:
        raise ArgumentError("test", "omitted with folds, one of which is the test set", test)


def check_classes(keys: Sequence[Hashable], labels: Sequence[str], folds: int, noun: str = "texts") -> None:
    """Raise `ArgumentError` unless every class has an example for each fold; ``noun`` is the plural of examples."""
    counts = Counter(label for _, label in set(zip(keys, labels, strict=True)))
    label, least = min(counts.items(), key=lambda item: (item[1], item[0]))
    if least < folds:
        number = f"{least} different {noun if least != 1 else noun.removesuffix('s')}"
        expected = f"at most the number of {noun} of the smallest class, {label!r} ({number})"
        raise ArgumentError("folds", expected, folds, f"add {noun} with that label, or leave it out")


def stratified(
    texts: Sequence[Hashable], labels: Sequence[Hashable], folds: int, *, even: bool = True, seed: int = 0
) -> Indices:
    """Return the fold of each example ``(N,)``.

    Args:
        texts: the examples; equal ones are in the same fold.
        labels: the class of each.
        folds: number of folds.
        even: also make the folds equally large; else the first folds get what remains of a class, so that the last fold
            has no example of a class that is smaller than the number of folds.
        seed: seed of the order in which the examples are assigned.
    """
    first: dict[Hashable, int] = {}
    members: dict[int, list[int]] = {}
    for number, text in enumerate(texts):
        members.setdefault(first.setdefault(text, number), []).append(number)
    numbers = np.fromiter(members, np.int64, len(members))
    shuffled = numbers[np.argsort(uniform(_SHUFFLED + seed, numbers), kind="stable")].tolist()
    found = np.zeros(len(texts), dtype=np.int64)
    sizes = [0] * folds
    of_class: dict[Hashable, list[int]] = {}
    for head in sorted(shuffled, key=lambda head: -len(members[head])):  # the largest groups first
        counts = of_class.setdefault(labels[head], [0] * folds)
        fold = min(range(folds), key=lambda k: (counts[k], sizes[k] if even else 0, k))
        found[members[head]] = fold
        counts[fold] += len(members[head])
        sizes[fold] += len(members[head])
    return found


def split(
    texts: Sequence[Hashable], labels: Sequence[Hashable], folds: int, fold: int, valid_share: float
) -> tuple[list[int], list[int], list[int]]:
    """Return the indices of the training, validation and test examples of one fold.

    Args:
        texts, labels: see `stratified`.
        folds: number of folds.
        fold: the fold whose examples are the test set.
        valid_share: fraction of the other examples for validation.
    """
    of = stratified(texts, labels, folds)
    rest, test = np.flatnonzero(of != fold), np.flatnonzero(of == fold)
    if not valid_share:
        return rest.tolist(), [], test.tolist()
    others = rest.tolist()
    rest_texts, rest_labels = [texts[i] for i in others], [labels[i] for i in others]
    (_, largest), *_ = Counter(label for _, label in set(zip(rest_texts, rest_labels, strict=True))).most_common(1)
    parts = max(2, min(round(1 / valid_share), largest))  # the last part is not empty
    inner = stratified(rest_texts, rest_labels, parts, even=False, seed=1)
    return rest[inner < parts - 1].tolist(), rest[inner == parts - 1].tolist(), test.tolist()


def grouped(texts: Sequence[Hashable]) -> Indices:
    """Return the number of the group of each text ``(N,)``, in the order of their first text; equal texts are a group.

    >>> grouped(["a", "b", "a", "c"]).tolist()
    [0, 1, 0, 2]
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)

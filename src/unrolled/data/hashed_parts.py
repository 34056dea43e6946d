"""Training, validation and test parts by a hash of file names, independent of the seed and of the order of files."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence

Fractions = tuple[float, float, float]


def fraction_of(name: str, stream: int = 0) -> float:
    """Return a number in [0, 1) that only depends on the name of a file (without its folder) and on the stream."""
    digest = hashlib.sha256(f"{stream} {name.rpartition('/')[2]}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def even_parts(
    names: Sequence[str],
    keys: Sequence[Hashable],
    classes: Sequence[str],
    fractions: Fractions,
    folds: int = 0,
    fold: int = 0,
) -> dict[str, list[int]]:
    """Return the indices of the files of ``train``, ``valid`` and ``test``.

    The files of a class are ordered by the hashes of their names and divided in that order, so that each part has its
    fraction of each class.

    Args:
        names: the names of the files.
        keys: of each file; those with equal keys are in the same part.
        classes: of each file.
        fractions: for training, validation and test; with folds, the first two of the files outside the test fold.
        folds, fold: with folds the test part is fold number ``fold``.
    """
    first: dict[Hashable, int] = {}
    heads = [first.setdefault(key, number) for number, key in enumerate(keys)]
    places = _places(list(first.values()), names, classes, 0)
    train, valid, test = fractions
    if folds:
        held = {head for head, place in places.items() if int(place * folds) == fold}
        rest = _places([head for head in places if head not in held], names, classes, 1)
        share = valid / (train + valid)
        checked = {head for head, place in rest.items() if place < share}
    else:
        held = {head for head, place in places.items() if place < test}
        checked = {head for head, place in places.items() if test <= place < test + valid}
    parts: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for number, head in enumerate(heads):
        parts["test" if head in held else "valid" if head in checked else "train"].append(number)
    return parts


def _places(numbers: list[int], names: Sequence[str], classes: Sequence[str], stream: int) -> dict[int, float]:
    """Return the place in [0, 1) of each file among those of its class, in the order of the hashes."""
    members: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        members[classes[number]].append(number)
    places: dict[int, float] = {}
    for label, own in members.items():
        own.sort(key=lambda number: fraction_of(names[number], stream))
        offset = fraction_of(label, stream)
        places |= {number: (rank + offset) / len(own) for rank, number in enumerate(own)}
    return places

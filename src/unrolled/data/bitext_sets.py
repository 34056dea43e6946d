"""From what a person wrote after ``--data`` to three sets of pairs.

A named set, published or made up, or files of yours. Where files have no part for deciding or for reporting, that part
is taken out of the training pairs: by a hash of the pair's number, so that it is the same one whatever the seed.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import ArgumentError, DataError, clause, did_you_mean
from .bitext import BitextLayout, Pairs, keep, read_pairs
from .counter import uniform
from .exchanged import looks_exchanged
from .generated_dates import dates
from .generated_pairs import numbers, reversal
from .registry import fetch

FRACTIONS = (0.9, 0.05, 0.05)
MOST_CUT = 2_000  # pairs that FRACTIONS takes for validation, and for the test
FIRST = 2  # pairs to be shown as they were read
LAST = 1_000  # pairs of a published training file by which is decided

Parts = tuple[Pairs, Pairs, Pairs]


@dataclass(frozen=True)
class NamedBitext:
    """A published set: a file for each language. The last pairs of ``train`` decide, those of ``test`` are reported."""

    title: str
    train: tuple[str, str]
    test: tuple[str, str]


GENERATED: dict[str, tuple[str, Callable[[], Parts]]] = {
    "dates": ("dates as people write them in many languages, to ISO (made up as needed)", dates),
    "reversal": ("words, letters from last to first (made up as needed)", reversal),
    "numbers": ("English numbers in words, to digits (made up as needed)", numbers),
}

_LANGUAGES = {"de": "German", "en": "English", "fr": "French"}


def _multi30k(source: str, target: str) -> NamedBitext:
    title = (
        f"descriptions of photographs, {_LANGUAGES[source]} to {_LANGUAGES[target]} (Multi30k; reported on its val set)"
    )
    files = [(f"multi30k/{part}.{source}", f"multi30k/{part}.{target}") for part in ("train", "val")]
    return NamedBitext(title, *files)


PUBLISHED = {
    f"multi30k-{source}-{target}": _multi30k(source, target)
    for source, target in (("de", "en"), ("en", "de"), ("fr", "en"), ("en", "fr"))
}


@dataclass(frozen=True)
class BitextSets:
    """Pairs to learn, to decide by and to report, and notes for the user."""

    train: Pairs
    valid: Pairs
    test: Pairs
    notes: list[str] = field(default_factory=list)
    how: list[str] = field(default_factory=list)
    """how each file was read"""
    first: Pairs = field(default_factory=lambda: Pairs([], []))
    """the first pairs of the file that is learned from"""

    def digest(self) -> str:
        """Changes with any source or target, and with which part it is in."""
        return " ".join(part.digest() for part in (self.train, self.valid, self.test))


def bitext_names() -> dict[str, str]:
    """Every name that `open_bitext` knows, with its title."""
    return {
        **{name: title for name, (title, _) in GENERATED.items()},
        **{name: one.title for name, one in PUBLISHED.items()},
    }


def open_bitext(
    data: str,
    target: str | None = None,
    layout: BitextLayout | None = None,
    fractions: tuple[float, float, float] | None = None,
    valid: str | None = None,
    valid_target: str | None = None,
    test: str | None = None,
    test_target: str | None = None,
    *,
    max_length: int = 200,
    max_ratio: float = 5.0,
) -> BitextSets:
    """The three sets that ``data`` names.

    Args:
        data: a name, or a file: of both sides, or of the sources alone.
        target: the file of the targets, if ``data`` has the sources alone.
        layout: how the files are written; a named set knows its own.
        fractions: of the pairs of ``data`` for training, validation and test, unless other files are given for these
            (default 0.9, 0.05, 0.05, and at most 2,000 pairs for each of the latter two); the part of such a file is 0.
        valid, valid_target: files by which is decided.
        test, test_target: files that are reported on. Of files given for a purpose only pairs with an empty side are
            left out: what is measured must not depend on what is learned.
        max_length, max_ratio: see `keep`.

    Raises:
        ArgumentError: an argument would be of no use.
        DataError: a file cannot be read, or a part of it would be empty.
    """
    layout = layout or BitextLayout()
    _check(data, target, fractions, valid, valid_target, test, test_target)
    notes: list[str] = []
    how: list[str] = []
    first = Pairs([], [])
    given: dict[str, Pairs] = {}
    for what, path, other in (("valid", valid, valid_target), ("test", test, test_target)):
        if path is not None:
            pairs = _read(path, other, layout)
            given[what] = _whole(path, pairs, notes)
            how.append(f"{path}: {pairs.how}")
    if data in bitext_names():
        train, *own = _named(data, notes)
        train = _kept(data, train, notes, max_length, max_ratio)
        own = [given.get(what, part) for what, part in zip(("valid", "test"), own, strict=True)]
    else:
        pairs = _read(data, target, layout)
        pool = _kept(data, pairs, notes, max_length, max_ratio)
        how.insert(0, f"{data}: {pairs.how}")
        first = pairs.pick(range(min(FIRST, len(pairs))))
        train, *own = _cut(data, pool, fractions, given, notes)
    for what, path, other in (("valid", valid, valid_target), ("test", test, test_target)):
        if path is not None and looks_exchanged(train, given[what]):
            notes.append(
                f"the sources in {path} read like the targets that are learned, and its targets like the sources: are "
                f"--{what} {path} and --{what}-target {other} exchanged?"
                if other
                else f"the sources in {path} read like the targets that are learned, and its targets like the sources: "
                "are its columns exchanged?"
            )
    notes.append(f"{len(train):,} training, {len(own[0]):,} validation, {len(own[1]):,} test pairs")
    return BitextSets(train, own[0], own[1], notes, how, first)


def read_test(data: str, target: str | None, layout: BitextLayout) -> tuple[Pairs, list[str]]:
    """What ``data`` has to be measured on, and notes: the test part of a named set, else all its pairs.

    Raises:
        ArgumentError, DataError: see `open_bitext`.
    """
    if data in bitext_names():
        sets = open_bitext(data, target)
        return sets.test, sets.notes
    notes: list[str] = []
    return _whole(data, _read(data, target, layout), notes), notes


def divide(pool: Pairs, valid: int, test: int) -> Parts:
    """Three parts, in the order of the pool, two of this many pairs; which pair falls where never changes."""
    order = np.argsort(uniform(0, np.arange(len(pool))), kind="stable")
    parts = (
        order[: len(pool) - valid - test],
        order[len(pool) - valid - test : len(pool) - test],
        order[len(pool) - test :],
    )
    train, deciding, reported = (pool.pick(sorted(part.tolist())) for part in parts)
    return train, deciding, reported


def _check(
    data: str,
    target: str | None,
    fractions: tuple[float, float, float] | None,
    valid: str | None,
    valid_target: str | None,
    test: str | None,
    test_target: str | None,
) -> None:
    """Raise ArgumentError for what would be ignored or cannot be."""
    for what, path, other in (("valid", valid, valid_target), ("test", test, test_target)):
        if other is not None and path is None:
            raise ArgumentError(f"{what}_target", f"left out without --{what}, the file of its sources", other)
    if data in bitext_names():
        if target is not None:
            raise ArgumentError("target", f"left out, for {data} has its own targets", target)
        if fractions is not None:
            raise ArgumentError("fractions", f"left out, for {data} has its own parts", fractions)
    if fractions is None:
        return
    if valid is not None and test is not None:
        raise ArgumentError("fractions", "left out where files are given for validation and test", fractions)
    fine = len(fractions) == 3 and all(0 <= one <= 1 for one in fractions) and abs(sum(fractions) - 1) < 1e-6
    if not fine or not fractions[0] or (not fractions[1] and valid is None):
        raise ArgumentError(
            "fractions", "three numbers for training, validation and test, of sum 1, the first two above 0", fractions
        )
    for what, place, path in (("valid", 1, valid), ("test", 2, test)):
        if path is not None and fractions[place]:
            expected = f"0 for the part that --{what} gives"
            raise ArgumentError("fractions", expected, fractions, f"add its {fractions[place]:g} to the first number")


def _read(path: str, target: str | None, layout: BitextLayout) -> Pairs:
    place, other = (Path(one).expanduser() if one else None for one in (path, target))
    if place is None or not os.path.exists(place):
        near = clause(did_you_mean(path, bitext_names()))
        raise DataError(
            f"there is no file or named set {path!r}{near}; give a path, or one of {', '.join(bitext_names())}"
        )
    return read_pairs(place, other, layout)


def _named(name: str, notes: list[str]) -> Parts:
    """The parts of a named set, each whole."""
    if name in GENERATED:
        return GENERATED[name][1]()
    layout, files = BitextLayout(form="lines"), PUBLISHED[name]
    pool, test = (
        _whole(name, read_pairs(fetch(source), fetch(target), layout), notes)
        for source, target in (files.train, files.test)
    )
    begin = len(pool) - LAST
    return pool.pick(range(begin)), pool.pick(range(begin, len(pool))), test


def _kept(where: str, pairs: Pairs, notes: list[str], max_length: int, max_ratio: float) -> Pairs:
    try:
        kept, found = keep(pairs, max_length=max_length, max_ratio=max_ratio)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    notes += [f"{where}: {note}" for note in found]
    return kept


def _whole(where: str, pairs: Pairs, notes: list[str]) -> Pairs:
    """All pairs but those with an empty side."""
    return _kept(where, pairs, notes, sys.maxsize, math.inf)


def _cut(
    data: str,
    pool: Pairs,
    fractions: tuple[float, float, float] | None,
    given: dict[str, Pairs],
    notes: list[str],
) -> Parts:
    """Training pairs, and the parts that are not given; of those, none that is learned as well."""
    shares = fractions or FRACTIONS
    sizes = [
        0 if what in given or not share else max(1, round(share * len(pool)))
        for what, share in zip(("valid", "test"), shares[1:], strict=True)
    ]
    if fractions is None:
        sizes = [min(size, MOST_CUT) for size in sizes]
    if sum(sizes) >= len(pool):
        raise DataError(
            f"{data} has {len(pool):,} pair{'s' if len(pool) > 1 else ''}: too few to learn from and to take "
            f"{sum(sizes):,} out for validation and test; give more, other --fractions, or files with --valid, --test"
        )
    train, *cut = divide(pool, *sizes)
    learned = set(zip(train.source, train.target, strict=True))
    parts = []
    for what, part in zip(("valid", "test"), cut, strict=True):
        if what in given:
            parts.append(given[what])
            continue
        unseen = [at for at, pair in enumerate(zip(part.source, part.target, strict=True)) if pair not in learned]
        if part and not unseen:
            raise DataError(
                f"{data}: every pair for {what} stands among those that are learned as well; give other pairs with "
                f"--{what}, or remove those that stand there twice"
            )
        if again := len(part) - len(unseen):
            is_are = "pair that is" if again == 1 else "pairs that are"
            notes.append(f"{data}: {again:,} {is_are} learned as well left out of the {what} part")
        parts.append(part.pick(unseen))
    return train, parts[0], parts[1]

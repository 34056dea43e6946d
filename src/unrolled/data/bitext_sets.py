"""Resolve ``--data`` to training, validation and test pairs.

The data are a named set, published or generated, or your own files. A validation or test set that is not given is split
off from the training pairs, by a hash of the index of each pair, so the split does not depend on the seed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import ArgumentError, DataError
from .bitext import BitextLayout, Pairs, keep, read_pairs
from .counter import uniform
from .generated_dates import dates
from .generated_pairs import numbers, reversal
from .generated_summaries import summaries
from .near import exists, missing
from .registry import fetch
from .sets import Sets
from .swapped import looks_swapped

FRACTIONS = (0.9, 0.05, 0.05)
MOST_CUT = 2_000  # maximum size of a validation or test set split off by FRACTIONS
FIRST = 2  # example pairs shown to the user
LAST = 1_000  # pairs of a published training file used for validation

SUMMARIES = "summaries"  # the named set
MAX_RATIO = 4.0  # of the lengths of translations; summaries have any ratio

Parts = tuple[Pairs, Pairs, Pairs]


@dataclass(frozen=True)
class NamedBitext:
    """A published set: one file per language. The last pairs of ``train`` are the validation set."""

    title: str
    train: tuple[str, str]
    test: tuple[str, str]


GENERATED: dict[str, tuple[str, Callable[[], Parts]]] = {
    "dates": ("written dates in many languages to ISO 8601 (generated)", dates),
    "reversal": ("words to their letters in reverse order (generated)", reversal),
    "numbers": ("English number words to digits (generated)", numbers),
    SUMMARIES: ("reports of events to headlines (generated)", summaries),
}

_LANGUAGES = {"de": "German", "en": "English", "fr": "French"}


def _multi30k(source: str, target: str) -> NamedBitext:
    title = f"image descriptions, {_LANGUAGES[source]} to {_LANGUAGES[target]} (Multi30k; its val set is the test set)"
    files = [(f"multi30k/{part}.{source}", f"multi30k/{part}.{target}") for part in ("train", "val")]
    return NamedBitext(title, *files)


PUBLISHED = {
    f"multi30k-{source}-{target}": _multi30k(source, target)
    for source, target in (("de", "en"), ("en", "de"), ("fr", "en"), ("en", "fr"))
}


@dataclass(frozen=True)
class BitextSets(Sets[Pairs]):
    """Training, validation and test pairs, with notes for the user."""

    first: Pairs = field(default_factory=lambda: Pairs([], []))
    """the first pairs of the training file"""
    summary: bool = False
    """whether the targets are summaries"""


def bitext_names() -> dict[str, str]:
    """Return the names that `open_bitext` accepts → titles."""
    return {
        **{name: title for name, (title, _) in GENERATED.items()},
        **{name: published.title for name, published in PUBLISHED.items()},
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
    max_ratio: float | None = None,
    summary: bool | None = None,
) -> BitextSets:
    """Read the training, validation and test pairs that ``data`` names.

    Args:
        data: a name, a file with both sides, or a file with the sources only.
        target: the file with the targets, if ``data`` has the sources only.
        layout: the format of the files; not used for named sets.
        fractions: fractions of ``data`` for training, validation and test (default 0.9, 0.05, 0.05, the latter two at
            most 2,000 pairs each); 0 for a set with its own file.
        valid, valid_target: validation files, used for model selection.
        test, test_target: test files. Of validation and test files only pairs with an empty side are skipped, so that
            metrics do not depend on the filters of the training pairs.
        max_length, max_ratio: filters of the training pairs; see `keep`. By default `MAX_RATIO`, for summaries none.
        summary: whether the targets are summaries (default: if their column or the set is so named).

    Raises:
        ArgumentError: an argument has no effect or is invalid.
        DataError: a file cannot be read, or a set would be empty.
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
        summary = data == SUMMARIES if summary is None else summary
        train = _filtered(data, train, notes, max_length, _ratio(max_ratio, summary))
        own = [given.get(what, part) for what, part in zip(("valid", "test"), own, strict=True)]
    else:
        pairs = _read(data, target, layout)
        summary = pairs.summaries if summary is None else summary
        pool = _filtered(data, pairs, notes, max_length, _ratio(max_ratio, summary))
        how.insert(0, f"{data}: {pairs.how}")
        first = pairs.pick(range(min(FIRST, len(pairs))))
        train, *own = _cut(data, pool, fractions, given, notes)
    for what, path, other in (("valid", valid, valid_target), ("test", test, test_target)):
        if path is not None and looks_swapped(train, given[what]):
            notes.append(
                f"the sources in {path} look like training targets, and its targets like training sources: are "
                f"--{what} {path} and --{what}-target {other} swapped?"
                if other
                else f"the sources in {path} look like training targets, and its targets like training sources: "
                "are its columns swapped?"
            )
    notes.append(f"{len(train):,} training, {len(own[0]):,} validation, {len(own[1]):,} test pairs")
    return BitextSets(train, own[0], own[1], notes, how, first, summary)


def read_test(data: str, target: str | None, layout: BitextLayout) -> tuple[Pairs, list[str]]:
    """Return the test pairs of a named set, or all pairs of a file, and notes.

    Raises:
        ArgumentError, DataError: see `open_bitext`.
    """
    if data in bitext_names():
        sets = open_bitext(data, target)
        return sets.test, sets.notes
    notes: list[str] = []
    return _whole(data, _read(data, target, layout), notes), notes


def _ratio(given: float | None, summary: bool) -> float:
    """Return the largest ratio of lengths."""
    return given if given is not None else math.inf if summary else MAX_RATIO


def divide(pool: Pairs, valid: int, test: int) -> Parts:
    """Split pairs into training, validation and test parts of the given sizes; the split is deterministic."""
    order = np.argsort(uniform(0, np.arange(len(pool))), kind="stable")
    parts = (
        order[: len(pool) - valid - test],
        order[len(pool) - valid - test : len(pool) - test],
        order[len(pool) - test :],
    )
    train_part, valid_part, test_part = (pool.pick(sorted(part.tolist())) for part in parts)
    return train_part, valid_part, test_part


def _check(
    data: str,
    target: str | None,
    fractions: tuple[float, float, float] | None,
    valid: str | None,
    valid_target: str | None,
    test: str | None,
    test_target: str | None,
) -> None:
    """Raise ArgumentError for arguments that are invalid or would be ignored."""
    for what, path, other in (("valid", valid, valid_target), ("test", test, test_target)):
        if other is not None and path is None:
            raise ArgumentError(f"{what}_target", f"omitted without --{what}, the file with the sources", other)
    if data in bitext_names():
        if target is not None:
            raise ArgumentError("target", f"omitted: {data} has its own targets", target)
        if fractions is not None:
            raise ArgumentError("fractions", f"omitted: {data} has its own split", fractions)
    if fractions is None:
        return
    if valid is not None and test is not None:
        raise ArgumentError("fractions", "omitted where files are given for validation and test", fractions)
    proper = len(fractions) == 3 and all(0 <= share <= 1 for share in fractions) and abs(sum(fractions) - 1) < 1e-6
    if not proper or not fractions[0] or (not fractions[1] and valid is None):
        raise ArgumentError(
            "fractions", "three numbers for training, validation and test, of sum 1, the first two above 0", fractions
        )
    for what, place, path in (("valid", 1, valid), ("test", 2, test)):
        if path is not None and fractions[place]:
            expected = f"0 for the set given with --{what}"
            raise ArgumentError("fractions", expected, fractions, f"add its {fractions[place]:g} to the first number")


def _read(path: str, target: str | None, layout: BitextLayout) -> Pairs:
    source_file, target_file = (Path(name).expanduser() if name else None for name in (path, target))
    if source_file is None or not exists(path):
        raise missing("file or named set", path, bitext_names())
    return read_pairs(source_file, target_file, layout)


def _named(name: str, notes: list[str]) -> Parts:
    """Read the training, validation and test pairs of a named set."""
    if name in GENERATED:
        return GENERATED[name][1]()
    layout, files = BitextLayout(form="lines"), PUBLISHED[name]
    pool, test = (
        _whole(name, read_pairs(fetch(source), fetch(target), layout), notes)
        for source, target in (files.train, files.test)
    )
    begin = len(pool) - LAST
    return pool.pick(range(begin)), pool.pick(range(begin, len(pool))), test


def _filtered(where: str, pairs: Pairs, notes: list[str], max_length: int, max_ratio: float) -> Pairs:
    try:
        remaining, skipped = keep(pairs, max_length=max_length, max_ratio=max_ratio)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    notes += [f"{where}: {note}" for note in skipped]
    return remaining


def _whole(where: str, pairs: Pairs, notes: list[str]) -> Pairs:
    """Return all pairs without an empty side."""
    return _filtered(where, pairs, notes, sys.maxsize, math.inf)


def _cut(
    data: str,
    pool: Pairs,
    fractions: tuple[float, float, float] | None,
    given: dict[str, Pairs],
    notes: list[str],
) -> Parts:
    """Split the pairs; skip validation and test pairs that are also training pairs. Sets in ``given`` are not split."""
    shares = fractions or FRACTIONS
    sizes = [
        0 if what in given or not share else max(1, round(share * len(pool)))
        for what, share in zip(("valid", "test"), shares[1:], strict=True)
    ]
    if fractions is None:
        sizes = [min(size, MOST_CUT) for size in sizes]
    if sum(sizes) >= len(pool):
        raise DataError(
            f"{data} has {len(pool):,} pair{'s' if len(pool) > 1 else ''}: too few for training after "
            f"splitting off {sum(sizes):,} for validation and test; give more, other --fractions, or files with "
            "--valid and --test"
        )
    train, *held_out = divide(pool, *sizes)
    seen = set(zip(train.source, train.target, strict=True))
    parts = []
    for what, part in zip(("valid", "test"), held_out, strict=True):
        if what in given:
            parts.append(given[what])
            continue
        unseen = [index for index, pair in enumerate(zip(part.source, part.target, strict=True)) if pair not in seen]
        if part and not unseen:
            raise DataError(
                f"{data}: every pair of the {what} set is also a training pair; give other pairs with --{what}, or "
                "remove duplicates"
            )
        if duplicates := len(part) - len(unseen):
            plural = "s" if duplicates > 1 else ""
            notes.append(f"{data}: {duplicates:,} duplicate{plural} of training pairs excluded from the {what} set")
        parts.append(part.pick(unseen))
    return train, parts[0], parts[1]

"""From what a person wrote after ``--data`` to three sets of labelled texts.

A named set, ``generated`` (see generated_reviews.py), a file, or a folder. Where a set has no part of its own for
deciding or for reporting, that part is taken out of the training texts: by a hash of the example's number, so that it
is the same one whatever the seed, and files sorted by class do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import DataError, clause, did_you_mean
from .counter import uniform
from .generated_reviews import reviews
from .labelled import Examples, Layout, check_classes, check_used, other_label, read_labelled
from .labelled_folders import parts_of
from .registry import fetch

GENERATED = "generated"
FIRST = 2  # examples to be shown as they were read
_PART = {"valid": "validation", "test": "test"}


@dataclass(frozen=True)
class NamedLabelled:
    """A published set: files of the registry, and how they are written."""

    title: str
    train: str
    test: str | None
    layout: Layout
    fractions: tuple[float, float, float] = (0.9, 0.1, 0.0)
    """what training, deciding and, without ``test``, reporting take of the training file"""


SETS: dict[str, NamedLabelled] = {
    "sst2": NamedLabelled(
        "sentences of film reviews, positive or negative (SST-2; reported on its dev set)",
        "sst2/train",
        "sst2/dev",
        Layout(form="lines"),
    ),
    "trec": NamedLabelled(
        "questions by the type of their answer (TREC, six types)",
        "trec/train",
        "trec/test",
        Layout(form="lines", encoding="latin-1"),
    ),
    "spooky": NamedLabelled(
        "sentences of Poe, Lovecraft and Shelley (Kaggle's spooky author identification, 15,000 rows)",
        "spooky/train",
        None,
        Layout(form="csv", header=False, text_column="2", label_column="3"),
        (0.7, 0.1, 0.2),
    ),
}


@dataclass(frozen=True)
class LabelledSets:
    """Three sets, and notes for the user."""

    train: Examples
    valid: Examples
    test: Examples
    notes: list[str]
    given: bool = False
    """whether the texts to report on are no part of the others"""
    decides: bool = field(default=False, kw_only=True)
    """whether the texts to decide by are no part of the others"""
    how: list[str] = field(default_factory=list)
    """how each file was read"""
    first: Examples = field(default_factory=Examples)
    """the first examples of the file that is learned from"""
    remedy: str = "name the right one with --label-column"
    """what to do if the labels are none"""

    def digest(self) -> str:
        """Changes with any text or label, and with which part it is in."""
        return " ".join(part.digest() for part in (self.train, self.valid, self.test))


def labelled_names() -> dict[str, str]:
    """Every name that `open_labelled` knows, with its title."""
    return {GENERATED: "short reviews, made up as needed", **{name: one.title for name, one in SETS.items()}}


def open_labelled(
    spec: str, layout: Layout, fractions: tuple[float, float, float] | None = None, test: str | None = None
) -> LabelledSets:
    """The three sets that ``spec`` names.

    Args:
        spec: a name, a file or a folder.
        layout: how the file is written; a named set knows its own.
        fractions: of the training file for training, validation and test (default 0.8, 0.1, 0.1).
        test: a file or folder whose texts are reported, instead of a fraction.

    Raises:
        DataError: it cannot be read, or a part of it would be empty.
    """
    notes: list[str] = []
    how: list[str] = []
    first = Examples()
    remedy = LabelledSets.remedy
    own: dict[str, Examples] = {}  # parts that the others are not cut for
    if spec == GENERATED:
        pool = reviews(0, 5000)
        fractions = fractions or (0.6, 0.2, 0.2)
    elif spec in SETS:
        named = SETS[spec]
        layout, fractions = named.layout, fractions or named.fractions
        pool, notes = read_labelled(fetch(named.train), layout)
        if named.test is not None and test is None:
            own["test"], more = read_labelled(fetch(named.test), layout)
            notes += more
    else:
        path = place_of(spec)
        check_used(path, layout)
        inner, notes = parts_of(path)
        for part, folder in inner.items():
            if part == "test" and test is not None:
                notes.append(f"{folder}: left out, for --test gives the texts to report on")
            elif part != "train":
                own[part], more = read_labelled(folder, layout)
                notes += [f"{folder}: the {_PART[part]} texts", *more]
        path = inner.get("train", path)
        pool, more = read_labelled(path, layout)
        notes += more
        how.append(f"{path}: {pool.how}")
        first = pool.pick(range(min(FIRST, len(pool))))
        remedy = other_label(path, layout)
    if test is not None:
        path = Path(test).expanduser()
        own["test"], more = read_labelled(path, layout)
        notes += more
        how.append(f"{path}: {own['test'].how}")
    shares = fractions or ((0.9, 0.1, 0.0) if "test" in own else (0.8, 0.1, 0.1))
    if "test" in own and shares[2]:  # what would have been reported, or decided by, is learned from
        shares = (shares[0] + shares[2], shares[1], 0.0)
    if "valid" in own and shares[1]:
        shares = (shares[0] + shares[1], 0.0, shares[2])
    parts = dict(zip(("train", "valid", "test"), divide(pool, shares), strict=True)) | own
    if not len(parts["train"]) or not len(parts["valid"]):
        raise DataError(
            f"{spec} has {len(pool)} labelled texts: too few for training and deciding parts of {shares[0]:g} and "
            f"{shares[1]:g}; give more, or other --fractions"
        )
    return LabelledSets(
        **parts, notes=notes, given="test" in own, decides="valid" in own, how=how, first=first, remedy=remedy
    )


def place_of(spec: str) -> Path:
    """The file or folder ``spec``.

    Raises:
        DataError: there is none.
    """
    path = Path(spec).expanduser()
    if not spec or not path.exists():
        near = clause(did_you_mean(spec, labelled_names()))
        raise DataError(
            f"there is no file, folder or named set {spec!r}{near}; give a path, or one of "
            f"{', '.join(labelled_names())}"
        )
    return path


def read_test(spec: str, layout: Layout) -> tuple[Examples, list[str]]:
    """What ``spec`` has to be measured on, and notes: the test part of a named set or of a folder with one (the
    validation part, if there is no other), else all.

    Raises:
        DataError: it cannot be read.
    """
    path = Path(spec).expanduser()
    if spec in labelled_names():
        sets = open_labelled(spec, layout)
        return sets.test, sets.notes
    inner, notes = parts_of(path)
    used = inner.get("test", inner.get("valid", path))
    examples, more = read_labelled(used, layout)
    return examples, [*([f"{used}: the texts that are measured on"] if inner else []), *notes, *more]


def classes_of(sets: LabelledSets, where: object) -> tuple[list[str], list[str]]:
    """The classes, in order, and notes on those of which no text is learned from.

    Raises:
        DataError: as `check_classes`, or texts given to decide by or to report on have another class.
    """
    known = set(check_classes(sets.train, where, sets.remedy))
    own = known.union(() if sets.decides else sets.valid.labels, () if sets.given else sets.test.labels)
    for what, part in (("decide by", sets.valid), ("report on", sets.test)):
        if strange := sorted(set(part.labels) - own):
            raise DataError(
                f"the texts to {what} have the label {strange[0]!r}, which is none of those in {where}: "
                f"{', '.join(sorted(own)[:20])}; correct it, or train with it"
            )
    notes = [f"no training text has the label {name!r}, so it is never learned" for name in sorted(own - known)[:5]]
    return sorted(own), notes


def divide(pool: Examples, shares: tuple[float, float, float]) -> tuple[Examples, Examples, Examples]:
    """Three parts of about these shares, in the order of the pool; which example falls where never changes."""
    numbers = np.arange(len(pool))
    order = np.argsort(uniform(0, numbers), kind="stable")
    first = round(shares[0] * len(pool))
    second = first + round(shares[1] * len(pool)) if shares[2] else len(pool)
    parts = (order[:first], order[first:second], order[second:])
    train, valid, test = (pool.pick(sorted(part.tolist())) for part in parts)
    return train, valid, test

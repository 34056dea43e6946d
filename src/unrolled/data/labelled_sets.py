"""Resolve ``--data`` to training, validation and test sets of labelled texts.

The data are a named set, ``generated`` (see generated_reviews.py) or ``promoters`` (see generated_dna.py), a file, or a
folder. A validation or test set that
is not given is split off from the training texts, by a hash of the index of each example, so the split does not depend
on the seed, and files may be sorted by class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import DataError
from .generated_dna import PROMOTERS, promoters
from .generated_reviews import reviews
from .label_names import alike, folded, key, spellings
from .labelled import Examples, Layout, check_classes, check_used, other_label, read_labelled
from .labelled_folders import find_parts
from .near import exists, missing
from .registry import fetch
from .sets import Sets, divide

Duplicates = Literal["group", "folds", "split"]

GENERATED = "generated"
FIRST = 50  # examples, of which the first different ones are shown to the user
_PART = {"valid": "validation", "test": "test"}


@dataclass(frozen=True)
class NamedLabelled:
    """A published set: files of the registry, and their format."""

    title: str
    train: str
    test: str | None
    layout: Layout
    fractions: tuple[float, float, float] = (0.9, 0.1, 0.0)
    """fractions of the training file for training, validation and, without ``test``, test"""


SETS: dict[str, NamedLabelled] = {
    "sst2": NamedLabelled(
        "movie review sentences, positive or negative (SST-2; its dev set is the test set)",
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
class LabelledSets(Sets[Examples]):
    """Training, validation and test sets of labelled texts."""

    given: bool = field(default=False, kw_only=True)
    """whether the test set is separate, not split off"""
    decides: bool = field(default=False, kw_only=True)
    """whether the validation set is separate, not split off"""
    first: Examples = field(default_factory=Examples)
    """the first examples of the training file"""
    remedy: str = "give the column of labels with --label-column"
    """the remedy for wrong labels"""
    guessed: dict[str, str] = field(default_factory=dict)
    """names of the columns that were guessed from the contents of the training file, by option"""


def labelled_names() -> dict[str, str]:
    """Return the names that `open_labelled` accepts → titles."""
    own = {GENERATED: "short reviews (generated)", PROMOTERS: "DNA: bacterial promoters, or not (generated)"}
    return {**own, **{name: published.title for name, published in SETS.items()}}


def open_labelled(
    spec: str,
    layout: Layout,
    fractions: tuple[float, float, float] | None = None,
    test: str | None = None,
    folds: int = 0,
    fold: int = 0,
    *,
    fold_labels: bool = False,
    duplicates: Duplicates = "folds",
) -> LabelledSets:
    """Read the training, validation and test sets that ``spec`` names.

    Args:
        spec: a name, a file or a folder.
        layout: the format of the file; not used for named sets.
        fractions: fractions of the training file for training, validation and test (default 0.8, 0.1, 0.1).
        test: a file or folder with the test set, instead of a fraction.
        folds: number of folds for cross-validation; 0: off. A separate test set is then not used.
        fold: the fold that is the test set.
        fold_labels: merge labels that differ only in case and white space under their most frequent spelling.
        duplicates: put texts that differ only in case and white space into the same part (``"group"``), only with
            ``folds`` (``"folds"``), or not (``"split"``; equal texts are in the same fold even so).

    Raises:
        ArgumentError: a class has fewer texts than there are folds.
        DataError: a file cannot be read, or a set would be empty.
    """
    notes: list[str] = []
    how: list[str] = []
    guessed: dict[str, str] = {}
    first = Examples()
    remedy = LabelledSets.remedy
    own: dict[str, Examples] = {}  # separate sets, not split off
    if spec in (GENERATED, PROMOTERS):
        pool = reviews(0, 5000) if spec == GENERATED else promoters(0, 10_000)
        fractions = fractions or (0.6, 0.2, 0.2)
    elif spec in SETS:
        named = SETS[spec]
        layout, fractions = named.layout, fractions or named.fractions
        pool, notes = read_labelled(fetch(named.train), layout)
        if named.test is not None and test is None and not folds:
            own["test"], more = read_labelled(fetch(named.test), layout)
            notes += more
    else:
        path = existing_path(spec)
        check_used(path, layout)
        inner, notes = find_parts(path)
        for part, folder in inner.items():
            if part == "test" and (test is not None or folds):
                by = "--folds gives the test sets" if folds else "--test gives the test set"
                notes.append(f"{folder}: not used, because {by}")
            elif part != "train":
                own[part], more = read_labelled(folder, layout)
                notes += [f"{folder}: the {_PART[part]} set", *more]
        path = inner.get("train", path)
        pool, more = read_labelled(path, layout)
        guessed = pool.guessed
        notes += more
        how.append(f"{path}: {pool.how}")
        first = pool.pick(range(min(FIRST, len(pool))))
        remedy = other_label(path, layout)
    if test is not None:
        path = Path(test).expanduser()
        own["test"], more = read_labelled(path, layout.with_guessed(guessed))
        notes += more
        how.append(f"{path}: {own['test'].how}")
    labels = [label for examples in (pool, *own.values()) for label in examples.labels]
    if fold_labels:
        names = spellings(labels)
        pool, first = folded(pool, names), folded(first, names)
        own = {part: folded(examples, names) for part, examples in own.items()}
        if len(set(labels)) > len(names):
            notes.append(f"labels merged by --fold-labels: {len(set(labels)):,} spellings are {len(names):,} classes")
    elif warning := alike(labels):
        notes.append(warning)
    keyed = duplicates == "group" or (folds and duplicates == "folds")
    parts, more = divide(
        pool,
        own,
        [key(text) for text in pool.texts] if keyed else pool.texts,
        fractions,
        folds,
        fold,
        where=spec,
        noun="texts",
        group=duplicates == "group",
    )
    notes += more
    return LabelledSets(
        **parts,
        notes=notes,
        given="test" in own,
        decides="valid" in own,
        how=how,
        first=first,
        remedy=remedy,
        guessed=guessed,
    )


def existing_path(spec: str) -> Path:
    """Return the path of the file or folder ``spec``.

    Raises:
        DataError: it does not exist; similar names are suggested.
    """
    path = Path(spec).expanduser()
    if not spec or not exists(spec):
        raise missing("file, folder or named set", spec, labelled_names())
    return path


def read_test(spec: str, layout: Layout) -> tuple[Examples, list[str]]:
    """Return the test examples of ``spec``, and notes.

    They are the test set of a named set, the test (or else the validation) folder of a folder with splits, or else all
    examples.

    Raises:
        DataError: a file cannot be read.
    """
    path = Path(spec).expanduser()
    if spec in labelled_names():
        sets = open_labelled(spec, layout)
        return sets.test, sets.notes
    inner, notes = find_parts(path)
    used = inner.get("test", inner.get("valid", path))
    examples, more = read_labelled(used, layout)
    return examples, [*([f"{used}: the texts to evaluate on"] if inner else []), *notes, *more]


def classes_of(sets: LabelledSets, where: object) -> tuple[list[str], list[str]]:
    """Return the sorted classes, and notes on classes without a training text.

    Raises:
        DataError: as `check_classes`, or a separate validation or test set has another class.
    """
    known = set(check_classes(sets.train, where, sets.remedy))
    own = known.union(() if sets.decides else sets.valid.labels, () if sets.given else sets.test.labels)
    for split, part in (("validation", sets.valid), ("test", sets.test)):
        if unknown := sorted(set(part.labels) - own):
            raise DataError(
                f"the {split} texts have the label {unknown[0]!r}, which is not a label of {where}: "
                f"{', '.join(sorted(own)[:20])}; correct it, or add training texts with it"
            )
    notes = [f"no training text has the label {name!r}, so it cannot be learned" for name in sorted(own - known)[:5]]
    return sorted(own), notes

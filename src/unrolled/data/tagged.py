"""Tagged sentences in three parts, from what was given for ``--data``: a name, or files in columns."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import DataError, clause, did_you_mean
from .columns import PLAIN, Columns, Sentence, unify
from .counter import hash64
from .generated_tags import generate
from .registry import NAMED, fetch
from .tags import OUTSIDE, Scheme

GENERATED = "generated"
FIRST = 2  # sentences to be shown as they were read
WHOLE = 50  # words that no one writes in a sentence or two of a file of them
FRACTIONS = (0.8, 0.1, 0.1)  # training, validation, test


class NamedTagged(NamedTuple):
    """A published set: files of the registry. Without ``test`` a part of the first is tested on."""

    title: str
    train: str
    test: str | None


NAMES = {
    "wnut17": NamedTagged(
        "tweets with rare and new names (WNUT17; reported on its dev set)", "wnut17/train", "wnut17/dev"
    ),
    "wikigold": NamedTagged("145 Wikipedia articles with names (Wikigold)", "wikigold", None),
}
_NUMBER = re.compile(r"[0-9.,:/-]*[0-9][0-9.,:/-]*")
_SPLIT = 0x7A6  # the shuffle of the units is the same for every seed of training


@dataclass(frozen=True)
class Tagged:
    """Sentences to learn, to decide by, and to report; tags in the scheme bio, or plain ones."""

    train: list[Sentence]
    valid: list[Sentence]
    test: list[Sentence]
    plain: bool = False
    notes: list[str] = field(default_factory=list)
    how: list[str] = field(default_factory=list)
    """how each file was read"""
    first: Sequence[Sentence] = ()
    """the first sentences of the file that is learned from"""

    @property
    def digest(self) -> str:
        """Changes with any word, any tag and with which part a sentence is in."""
        digest = hashlib.sha256()
        for part in (self.train, self.valid, self.test):
            for one in part:
                digest.update("\0".join((*one.words, *one.tags, "")).encode("utf-8", "surrogatepass"))
            digest.update(b"\1")
        return digest.hexdigest()


@dataclass(frozen=True)
class Source:
    """What to read, and how."""

    data: str
    valid: str | None = None
    test: str | None = None
    columns: Columns = field(default_factory=Columns)
    scheme: Scheme | None = None
    repair: bool = False
    fractions: tuple[float, float, float] | None = None
    folds: int = 0
    fold: int = 0

    def read(self) -> Tagged:
        """The three parts.

        Raises:
            DataError: a file cannot be read or is no tagged text; the message names the line and what to do.
        """
        if self.data == GENERATED and not (self.valid or self.test or self.folds or self.fractions):
            train, valid, test = generate()
            return Tagged(train, valid, test, notes=[f"generated: {_sizes(train, valid, test)}"])
        notes: list[str] = []
        how: list[str] = []
        every, found = self.one(self.data, how=how)
        notes.append(f"{self.data}: {found}")
        _check_ends(every, self.data, fewest=3, most=WHOLE)
        plain = found == PLAIN
        given = self._given(self.valid, plain, notes, how), self._given(self._test, plain, notes, how)
        train, *cut = self._cut(every, *(part is None for part in given))
        valid, test = (mine if part is None else part for part, mine in zip(given, cut, strict=True))
        parts = train, valid, test
        if not train:
            raise DataError(
                f"{self.data} has too few sentences to learn from: {len(every)}; give more, or other fractions"
            )
        if all(tag == OUTSIDE for one in train for tag in one.tags):
            raise DataError(
                f"every word of {self.data} is tagged {OUTSIDE}: there is nothing to learn; give tagged text, or say "
                "where the tags are with --tag-column"
            )
        read = how[0].removeprefix(f"{self.data}: ") if how else "columns"
        tags = {tag for one in every for tag in one.tags}
        if len(tags) == 1:
            raise DataError(
                f"every word of {self.data} has the tag {tags.pop()!r}: there is nothing to learn; say where the tags "
                f"are with --tag-column, of the {read}"
            )
        if all(_NUMBER.fullmatch(word) for one in every for word in one.words):
            raise DataError(
                f"every word of {self.data} is a number, such as {every[0].words[0]!r}; say where the words are with "
                f"--token-column, of the {read}"
            )
        check_known(parts[1:], tags, plain)
        return Tagged(*parts, plain=plain, notes=[*notes, _sizes(*parts)], how=how, first=every[:FIRST])

    def one(self, spec: str, plain: bool | None = None, how: list[str] | None = None) -> tuple[list[Sentence], str]:
        """The sentences of a file or of a named data set, and what was found about their tags.

        Args:
            spec: a path or a name.
            plain: whether tags must be plain (or must not be); `None`: look.
            how: to this is added how a file was read.
        """
        if spec == GENERATED:
            return [one for part in generate() for one in part], "scheme bio"
        columns, path = self.columns, Path(os.path.expanduser(spec))
        if spec in NAMES or spec in NAMED:
            path, columns = fetch(NAMES[spec].train if spec in NAMES else spec), Columns()
        elif not path.exists():
            near = clause(did_you_mean(spec, tagged_names()))
            raise DataError(
                f"there is no file or tagged data set {spec!r}{near}; give a file with a word and its tag on each "
                f"line, or one of {', '.join(tagged_names())}"
            )
        scheme = "plain" if plain else self.scheme
        sentences, told = columns.open(path)
        if how is not None and spec not in NAMES and spec not in NAMED:
            how.append(f"{spec}: {told}")
        return unify(sentences, spec, scheme, self.repair)

    @property
    def _test(self) -> str | None:
        """What is tested on, unless it is cut from the data."""
        return self.test or (NAMES[self.data].test if self.data in NAMES and not self.folds else None)

    def _given(self, spec: str | None, plain: bool, notes: list[str], how: list[str]) -> list[Sentence] | None:
        if spec is None:
            return None
        sentences, found = self.one(spec, plain, how)
        notes.append(f"{spec}: {found}")
        _check_ends(sentences, spec, fewest=2, most=4 * WHOLE)
        return sentences

    def _cut(
        self, every: list[Sentence], cut_valid: bool, cut_test: bool
    ) -> tuple[list[Sentence], list[Sentence], list[Sentence]]:
        """Parts of one list: whole documents if there are enough of them, else sentences, shuffled once for all."""
        documents = np.array([one.document for one in every])
        units = documents if documents.max() + 1 >= max(10, self.folds) else np.arange(len(every))
        count = int(units.max()) + 1
        order = np.argsort(hash64(_SPLIT, np.arange(count)), kind="stable")  # the units, shuffled
        train, valid, test = self.fractions or FRACTIONS
        in_test = order[self.fold :: self.folds] if self.folds else order[count - round(test * count * cut_test) :]
        rest = order[~np.isin(order, in_test)]
        share = round(valid / (train + valid) * len(rest))
        in_valid = rest[len(rest) - (max(1, share) if cut_valid and valid and len(rest) > 1 else 0) :]
        masks = np.isin(units, in_valid), np.isin(units, in_test)
        parts = (~masks[0] & ~masks[1], *masks)
        first, second, third = ([every[at] for at in np.flatnonzero(part)] for part in parts)
        return first, second, third


def tagged_names() -> dict[str, str]:
    """Every name that ``--data`` may have, with its title."""
    return {GENERATED: "sentences with names, made up as needed", **{name: one.title for name, one in NAMES.items()}}


def check_known(parts: Sequence[Sequence[Sentence]], known: set[str], plain: bool) -> None:
    """Raise `DataError` if a tag of ``parts`` is not known; of entities, if its type is not."""
    names = known if plain else {tag.partition("-")[2] for tag in known}
    for part in parts:
        for one in part:
            for at, tag in enumerate(one.tags):
                name = tag if plain else tag.partition("-")[2]
                if name not in names and tag != OUTSIDE:
                    raise DataError(
                        f"unknown label {name!r} in line {one.line + at}: the text that is learned has "
                        f"{', '.join(sorted(filter(None, names))[:12])}; correct it, or learn text that has it too"
                    )


def _check_ends(sentences: Sequence[Sentence], where: str, fewest: int, most: int) -> None:
    """Raise `DataError` if more than ``most`` words are fewer than ``fewest`` sentences: their ends are missing."""
    words = sum(map(len, sentences))
    if len(sentences) < fewest and words > most:
        told = "no empty line ends a sentence" if len(sentences) == 1 else f"it has only {len(sentences)} sentences"
        raise DataError(f"{where}: {told}, in {words:,} words; put an empty line after each sentence")


def _sizes(*parts: Sequence[Sentence]) -> str:
    named = zip(("training", "validation", "test"), parts, strict=True)
    return ", ".join(f"{len(part):,} {name}" for name, part in named) + " sentences"

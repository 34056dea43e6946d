"""Resolve ``--data`` to training, validation and test sets of tagged sentences."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError, DataError
from .columns import PLAIN, Columns, Sentence, unify
from .counter import hash64
from .folds import grouped
from .generated_tags import generate
from .near import exists, missing
from .published import NAMED
from .registry import fetch
from .sets import Sets
from .tags import OUTSIDE, Scheme

GENERATED = "generated"
FIRST = 2  # sentences shown to the user
WHOLE = 50  # more words than two sentences should have; see `_check_ends`
FRACTIONS = (0.8, 0.1, 0.1)  # training, validation, test


class NamedTagged(NamedTuple):
    """A published set: files of the registry. Without ``test``, the test set is split off from ``train``."""

    title: str
    train: str
    test: str | None


NAMES = {
    "wnut17": NamedTagged(
        "tweets with rare and emerging entities (WNUT17; its dev set is the test set)", "wnut17/train", "wnut17/dev"
    ),
    "wikigold": NamedTagged("145 Wikipedia articles with named entities (Wikigold)", "wikigold", None),
}
_NUMBER = re.compile(r"[0-9.,:/-]*[0-9][0-9.,:/-]*")
_SPLIT = 0x7A6  # seed of the split, which does not depend on the training seed


@dataclass(frozen=True)
class Tagged(Sets[list[Sentence]]):
    """Training, validation and test sentences with tags in the scheme bio, or plain tags."""

    plain: bool = False
    first: Sequence[Sentence] = ()
    """the first sentences of the training file"""

    def digest(self) -> str:
        """Return a SHA-256 digest of all words and tags and of the split."""
        digest = hashlib.sha256()
        for part in self.parts().values():
            for sentence in part:
                digest.update("\0".join((*sentence.words, *sentence.tags, "")).encode("utf-8", "surrogatepass"))
            digest.update(b"\1")
        return digest.hexdigest()


@dataclass(frozen=True)
class Source:
    """Data files and how to read them; see the options of the task ``tag``."""

    data: str
    valid: str | None = None
    test: str | None = None
    columns: Columns = field(default_factory=Columns)
    scheme: Scheme | None = None
    repair: bool = False
    fractions: tuple[float, float, float] | None = None
    folds: int = 0
    fold: int = 0
    group_duplicates: bool = False
    """whether equal sentences are in the same fold"""

    def read(self) -> Tagged:
        """Read the training, validation and test sentences.

        Raises:
            DataError: a file cannot be read or is not tagged text.
        """
        if self.data == GENERATED and not (self.valid or self.test or self.folds or self.fractions):
            train, valid, test = generate()
            return Tagged(train, valid, test, notes=[f"generated: {_sizes(train, valid, test)}"])
        notes: list[str] = []
        how: list[str] = []
        sentences, scheme = self.read_file(self.data, how=how)
        notes.append(f"{self.data}: {scheme}")
        _check_ends(sentences, self.data, fewest=3, most=WHOLE)
        plain = scheme == PLAIN
        given = self._given(self.valid, plain, notes, how), self._given(self._test, plain, notes, how)
        train, *held_out = self._split(sentences, *(part is None for part in given))
        valid, test = (own if part is None else part for part, own in zip(given, held_out, strict=True))
        parts = train, valid, test
        if not train:
            raise DataError(
                f"{self.data} has too few sentences for training: {len(sentences)}; give more, or other fractions"
            )
        if all(tag == OUTSIDE for sentence in train for tag in sentence.tags):
            raise DataError(
                f"every word of {self.data} has the tag {OUTSIDE}: there is nothing to learn; give tagged text, or "
                "give the column of tags with --tag-column"
            )
        columns = how[0].removeprefix(f"{self.data}: ") if how else "columns"
        tags = {tag for sentence in sentences for tag in sentence.tags}
        if len(tags) == 1:
            raise DataError(
                f"every word of {self.data} has the tag {tags.pop()!r}: there is nothing to learn; give the column "
                f"of tags with --tag-column, of the {columns}"
            )
        if all(_NUMBER.fullmatch(word) for sentence in sentences for word in sentence.words):
            raise DataError(
                f"every word of {self.data} is a number, such as {sentences[0].words[0]!r}; give the column of words "
                f"with --token-column, of the {columns}"
            )
        check_known(parts[1:], tags, plain)
        return Tagged(*parts, plain=plain, notes=[*notes, _sizes(*parts)], how=how, first=sentences[:FIRST])

    def read_file(
        self, spec: str, plain: bool | None = None, how: list[str] | None = None
    ) -> tuple[list[Sentence], str]:
        """Read the sentences of a file or of a named data set; return them and a description of their tags.

        Args:
            spec: a path or a name.
            plain: whether tags must be plain (or must not be); `None`: detect.
            how: a description of the file format is appended to this list.
        """
        if spec == GENERATED:
            return [sentence for part in generate() for sentence in part], "scheme bio"
        columns, path = self.columns, Path(os.path.expanduser(spec))
        if spec in NAMES or spec in NAMED:
            path, columns = fetch(NAMES[spec].train if spec in NAMES else spec), Columns()
        elif not exists(spec):
            what = "a file with a word and its tag on each line"
            raise missing("file or tagged data set", spec, tagged_names(), what)
        scheme = "plain" if plain else self.scheme
        sentences, layout = columns.open(path)
        if how is not None and spec not in NAMES and spec not in NAMED:
            how.append(f"{spec}: {layout}")
        return unify(sentences, spec, scheme, self.repair)

    @property
    def _test(self) -> str | None:
        """The file or name of the test set; `None` if it is split off from the data."""
        return self.test or (NAMES[self.data].test if self.data in NAMES and not self.folds else None)

    def _given(self, spec: str | None, plain: bool, notes: list[str], how: list[str]) -> list[Sentence] | None:
        if spec is None:
            return None
        sentences, scheme = self.read_file(spec, plain, how)
        notes.append(f"{spec}: {scheme}")
        _check_ends(sentences, spec, fewest=2, most=4 * WHOLE)
        return sentences

    def _split(
        self, sentences: list[Sentence], split_valid: bool, split_test: bool
    ) -> tuple[list[Sentence], list[Sentence], list[Sentence]]:
        """Split sentences, by whole documents if there are enough of them; the split is random but deterministic."""
        documents = np.array([sentence.document for sentence in sentences])
        if documents.max() + 1 >= max(10, self.folds):
            units = documents
        elif self.folds and self.group_duplicates:
            units = grouped([sentence.words for sentence in sentences])
        else:
            units = np.arange(len(sentences))
        count = int(units.max()) + 1
        if count < self.folds:
            raise ArgumentError("folds", f"at most the number of different sentences, {count:,}", self.folds)
        order = np.argsort(hash64(_SPLIT, np.arange(count)), kind="stable")  # the units, shuffled
        train, valid, test = self.fractions or FRACTIONS
        in_test = order[self.fold :: self.folds] if self.folds else order[count - round(test * count * split_test) :]
        rest = order[~np.isin(order, in_test)]
        share = round(valid / (train + valid) * len(rest))
        in_valid = rest[len(rest) - (max(1, share) if split_valid and valid and len(rest) > 1 else 0) :]
        masks = np.isin(units, in_valid), np.isin(units, in_test)
        parts = (~masks[0] & ~masks[1], *masks)
        first, second, third = ([sentences[index] for index in np.flatnonzero(part)] for part in parts)
        return first, second, third


def tagged_names() -> dict[str, str]:
    """Return the names that ``--data`` accepts → titles."""
    published = {name: named.title for name, named in NAMES.items()}
    return {GENERATED: "sentences with named entities (generated)", **published}


def check_known(parts: Sequence[Sequence[Sentence]], known: set[str], plain: bool) -> None:
    """Raise `DataError` for a tag in ``parts`` whose label (entity type, or plain tag) is not in ``known``."""
    names = known if plain else {tag.partition("-")[2] for tag in known}
    for part in parts:
        for sentence in part:
            for at, tag in enumerate(sentence.tags):
                name = tag if plain else tag.partition("-")[2]
                if name not in names and tag != OUTSIDE:
                    raise DataError(
                        f"unknown label {name!r} in line {sentence.line + at}: the training text has "
                        f"{', '.join(sorted(filter(None, names))[:12])}; correct it, or add training text with it"
                    )


def _check_ends(sentences: Sequence[Sentence], where: str, fewest: int, most: int) -> None:
    """Raise `DataError` for fewer than ``fewest`` sentences of more than ``most`` words: sentence ends are missing."""
    words = sum(map(len, sentences))
    if len(sentences) < fewest and words > most:
        count = "1 sentence" if len(sentences) == 1 else f"{len(sentences)} sentences"
        raise DataError(f"{where} has only {count} in {words:,} words; put an empty line after each sentence")


def _sizes(*parts: Sequence[Sentence]) -> str:
    named = zip(("training", "validation", "test"), parts, strict=True)
    return ", ".join(f"{len(part):,} {name}" for name, part in named) + " sentences"

"""Tagged text in columns, one word to a line, as the CoNLL tasks have it.

    Teddy      B-person
    Roosevelt  I-person
    was        O

The columns are separated by tabs if the file's first line has one, else by blanks. An empty line (or one of white
space) ends a sentence; a line of ``-DOCSTART-`` begins a document. A line that begins with ``# `` before a sentence's
first word is a comment unless it has the file's number of columns and a tag that other words have; CoNLL-U's lines of
word ranges (``3-4``) and empty nodes (``5.1``) are left out.

Unless it is said, words stand in the first column, in the second if the first counts the words of each sentence, and
tags in the last; of ten columns between tabs whose first counts, CoNLL-U's, they are FORM and UPOS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ArgumentError, DataError
from .rows import lines, without_end
from .tags import Scheme, detect, entities, inconsistent, parse, spell
from .textfile import TextFile, check_encoding, ends_of

DOCUMENT = "-DOCSTART-"
PLAIN = "plain tags"
SHOWN = 5  # places that a message names
_RANGE = re.compile(r"\d+(-\d+|\.\d+)")
WORDS, TAGS = 0, -1  # the columns of both, unless it is said
Numbered = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Sentence:
    """Words and their tags; ``line`` of the file is where it begins, ``document`` counts from 0."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    line: int = 0
    document: int = 0

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Columns:
    """How a file is read. Columns count from 0, or with negative numbers from the end."""

    token_column: int = WORDS
    tag_column: int = TAGS
    encoding: str = "utf-8"
    errors: str = "strict"

    def read(self, path: Path) -> list[Sentence]:
        """The sentences of a file, with their tags as they stand there."""
        return self.open(path)[0]

    def open(self, path: Path) -> tuple[list[Sentence], str]:
        """The sentences of a file, with their tags as they stand there, and how it was read, for a person.

        Raises:
            DataError: it cannot be read, has no sentence, or a line has the wrong number of columns.
            ArgumentError: the file does not have the columns asked for.
        """
        check_encoding(self.encoding, self.errors)
        if not path.is_file():
            raise DataError(f"there is no file {path}; give a file with a word and its tag on each line")
        file = TextFile(path, self.encoding, self.errors)
        every: Numbered = [(number, without_end(line)) for number, line in enumerate(lines(file, every=True), 1)]
        _refuse_json(every, path)
        every, spare = _without_last_tab(every)
        settled, how = self._settled(every)
        sentences = list(settled.sentences(every, str(path)))
        if not sentences:
            raise DataError(f"{path} has no sentence in it; give a file with a word and its tag on each line")
        return sentences, how + spare + ends_of(file)

    def _settled(self, every: Numbered) -> tuple[Columns, str]:
        """Where words and tags stand if nothing else is said, and in words how the file is read."""
        first = next((line for _, line in every if _says_something(line)), "")
        tabs = "\t" in first
        count = len(_cut(first, tabs))
        token, tag, why = self.token_column, self.tag_column, ""
        if count > 2 and token == WORDS and _counts(every, tabs):
            token, why = WORDS + 1, ", the first counts words"
            if count == 10 and tabs:
                tag, why = (3 if tag == TAGS else tag), " of CoNLL-U"
        between = "tabs" if tabs else "blanks"
        how = f"{_columns(count)} between {between}{why}; words from column {token % (count or 1)}, tags from column "
        return replace(self, token_column=token, tag_column=tag), f"{how}{tag % (count or 1)}, counted from 0"

    def sentences(self, numbered: Iterable[tuple[int, str]], where: str) -> Iterator[Sentence]:
        """The sentences of numbered lines."""
        every = list(numbered)
        first = next((line for _, line in every if _says_something(line)), None)
        if first is None:
            return
        tabs = "\t" in first
        count = len(_cut(first, tabs))
        token, tag = self._places(count, where)
        comments = _comments(every, count, tabs, tag)
        words: list[str] = []
        tags: list[str] = []
        begin, document, opened = 0, 0, False
        for number, line in [*every, (len(every) + 1, "")]:
            cells = _cut(line, tabs)
            starts_document = bool(cells) and cells[0] == DOCUMENT
            if not cells or starts_document:
                if words:
                    yield Sentence(tuple(words), tuple(tags), begin, document)
                    words, tags, opened = [], [], True
                if starts_document:
                    document, opened = document + opened, False
                continue
            if number in comments:
                continue
            if count == 10 and tabs and _RANGE.fullmatch(cells[0]):
                continue
            if len(cells) == count and cells[token] and not cells[tag]:
                raise DataError(
                    f"line {number} of {where} has no tag in column {tag}, counted from 0: {_short(line)!r}; write "
                    "one, or say where the tags are with --tag-column"
                )
            if len(cells) != count or not cells[token] or not cells[tag]:
                raise DataError(
                    f"line {number} of {where} has {_columns(len([c for c in cells if c]))}, the first has {count}: "
                    f"{_short(line)!r}; "
                    "every line must have the same columns, and an empty line must end each sentence"
                )
            if not words:
                begin = number
            words.append(cells[token])
            tags.append(cells[tag])

    def _places(self, count: int, where: str) -> tuple[int, int]:
        """The columns of words and tags, counted from 0."""
        if count < 2:
            raise DataError(
                f"{where} has one column only; give a file with a word and its tag on each line, separated by a tab "
                "or a blank"
            )
        for name in ("token_column", "tag_column"):
            if not -count <= getattr(self, name) < count:
                raise ArgumentError(name, f"a column of {where}, {-count} to {count - 1}", getattr(self, name))
        token, tag = self.token_column % count, self.tag_column % count
        if token == tag:
            raise ArgumentError("tag_column", "another column than token_column", self.tag_column)
        return token, tag


def unify(sentences: Sequence[Sentence], where: str, scheme: Scheme | None, repair: bool) -> tuple[list[Sentence], str]:
    """The sentences with their tags in the scheme bio (plain tags stay), and what was found, for a person.

    Args:
        sentences: with tags as they stand in a file.
        where: the file, for messages.
        scheme: the scheme they must be in; `None`: look.
        repair: read tags that break the scheme as the CoNLL script does, instead of refusing them.

    Raises:
        DataError: a tag is of no scheme, or tags are inconsistent.
    """
    found = scheme or detect([one.tags for one in sentences])
    if found == "plain":
        return list(sentences), PLAIN
    foreign = ((one, at) for one in sentences for at, tag in enumerate(one.tags) if parse(tag) is None)
    for one, at in foreign:
        word, tag = one.words[at], one.tags[at]
        remedy = "remove the line if it is a comment" if word.startswith("# ") or word == "#" else "use --scheme plain"
        raise DataError(
            f"unknown tag {_short(tag)!r} in line {one.line + at} of {where}: tags of the scheme {found} are O, or a "
            f"letter and a type such as B-person; correct it, or {remedy}"
        )
    wrong = [(one, at) for one in sentences for at in inconsistent(one.tags, found)]
    if wrong and not repair:
        shown = "; ".join(
            f"line {one.line + at}: {one.tags[at]} after {one.tags[at - 1] if at else 'the beginning'}"
            for one, at in wrong[:SHOWN]
        )
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise DataError(
            f"the tags of {where} are inconsistent in the scheme {found} ({shown}{more}); correct them, name their "
            "scheme with --scheme, or use --repair to read them as the CoNLL script does"
        )
    same = [replace(one, tags=tuple(spell(entities(one.tags), len(one), "bio"))) for one in sentences]
    return same, f"scheme {found}" + (f", {len(wrong)} tags repaired" if wrong else "")


def _comments(every: Numbered, count: int, tabs: bool, tag: int) -> set[int]:
    """The numbers of lines that begin with ``# `` before a sentence's first word, but for those that have the file's
    number of columns and a tag of other lines: there a word is ``#``."""
    if not any(line.startswith("# ") for _, line in every):
        return set()
    found: list[tuple[int, list[str]]] = []
    known: set[str] = set()
    inside = False
    for number, line in every:
        cells = _cut(line, tabs)
        if not cells or cells[0] == DOCUMENT:
            inside = False
        elif not inside and line.startswith("# "):
            found.append((number, cells))
        else:
            inside = True
            known |= {cells[tag]} if len(cells) == count else set()
    return {number for number, cells in found if len(cells) != count or cells[tag] not in known}


def _without_last_tab(every: Numbered) -> tuple[Numbered, str]:
    """The lines without a tab at the end of each, if all have one, and what to add to how they were read."""
    if not all(line.endswith("\t") for _, line in every if _says_something(line)):
        return every, ""
    return [(number, line.removesuffix("\t")) for number, line in every], ", an empty column at the end left out"


def _refuse_json(every: Numbered, path: Path) -> None:
    """Raise `DataError` if the first line is JSON: an object, or the beginning of an array or of an object."""
    number, first = next(((number, line.strip()) for number, line in every if line.strip()), (0, ""))
    try:
        found = isinstance(json.loads(first), dict | list)
    except (ValueError, RecursionError):
        found = first.startswith(('{"', '[{"'))
    if found:
        raise DataError(
            f"line {number} of {path} is JSON: {_short(first)!r}; write a word and its tag on each line, and an empty "
            "line after each sentence"
        )


def _counts(every: Numbered, tabs: bool) -> bool:
    """Whether the first column counts the words of each sentence, from 1, and one has at least two."""
    expected, most = 1, 0
    for _, line in every:
        cells = _cut(line, tabs)
        if not cells or cells[0] == DOCUMENT:
            expected = 1
        elif cells[0] == str(expected):
            most, expected = max(most, expected), expected + 1
        elif not _RANGE.fullmatch(cells[0]) and not (expected == 1 and line.startswith("#")):
            return False
    return most > 1


def _cut(line: str, tabs: bool) -> list[str]:
    """The cells of a line; none if there is nothing in it."""
    if not line.strip():
        return []
    return [cell.strip(" ") for cell in line.split("\t")] if tabs else re.split(r"[ \t]+", line.strip(" \t"))


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("# ", DOCUMENT))


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"

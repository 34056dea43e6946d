"""Tagged text in CoNLL format: one word per line, in columns.

    Teddy      B-person
    Roosevelt  I-person
    was        O

Columns are separated by tabs if the first line of the file has one, else by spaces. A blank line ends a sentence; a
line ``-DOCSTART-`` starts a document. A line starting with ``# `` before the first word of a sentence is a comment,
unless it has the number of columns of the file and a tag that other words have. CoNLL-U lines of word ranges (``3-4``)
and empty nodes (``5.1``) are skipped.

By default, words are in the first column, or in the second if the first numbers the words of each sentence, and tags in
the last. In CoNLL-U (ten tab-separated columns, the first a word number) the defaults are FORM and UPOS.
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
SHOWN = 5  # errors listed in a message
_RANGE = re.compile(r"\d+(-\d+|\.\d+)")
WORDS, TAGS = 0, -1  # default columns
Numbered = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Sentence:
    """Words and their tags; ``line`` is the line number of the first word, ``document`` counts from 0."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    line: int = 0
    document: int = 0

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class Columns:
    """The format of a file. Columns are counted from 0, negative numbers from the end."""

    token_column: int = WORDS
    tag_column: int = TAGS
    encoding: str = "utf-8"
    errors: str = "strict"

    def read(self, path: Path) -> list[Sentence]:
        """Read the sentences of a file, with unchanged tags."""
        return self.open(path)[0]

    def open(self, path: Path) -> tuple[list[Sentence], str]:
        """Read the sentences of a file, with unchanged tags, and describe its format.

        Raises:
            DataError: the file cannot be read, has no sentence, or a line has the wrong number of columns.
            ArgumentError: the file does not have the given columns.
        """
        check_encoding(self.encoding, self.errors)
        if not path.is_file():
            raise DataError(f"there is no file {path}; give a file with a word and its tag on each line")
        file = TextFile(path, self.encoding, self.errors)
        numbered: Numbered = [(number, without_end(line)) for number, line in enumerate(lines(file, lone_cr=True), 1)]
        _refuse_json(numbered, path)
        numbered, trailing = _without_trailing_tab(numbered)
        columns, how = self._detected(numbered)
        sentences = list(columns.sentences(numbered, str(path)))
        if not sentences:
            raise DataError(f"{path} has no sentences; give a file with a word and its tag on each line")
        return sentences, how + trailing + ends_of(file)

    def _detected(self, numbered: Numbered) -> tuple[Columns, str]:
        """Detect the columns of words and tags if they are the defaults; return them and a description."""
        first = next((line for _, line in numbered if _has_words(line)), "")
        tabs = "\t" in first
        count = len(_cut(first, tabs))
        token, tag, why = self.token_column, self.tag_column, ""
        if count > 2 and token == WORDS and _numbers_words(numbered, tabs):
            token, why = WORDS + 1, ", the first numbers words"
            if count == 10 and tabs:
                tag, why = (3 if tag == TAGS else tag), " of CoNLL-U"
        separator = "tabs" if tabs else "spaces"
        how = f"{_columns(count)} separated by {separator}{why}; words from column {token % (count or 1)}, tags "
        how += f"from column {tag % (count or 1)}, counted from 0"
        return replace(self, token_column=token, tag_column=tag), how

    def sentences(self, numbered: Iterable[tuple[int, str]], where: str) -> Iterator[Sentence]:
        """Yield the sentences of numbered lines; ``where`` names the file in messages.

        Raises:
            DataError: a line has the wrong number of columns or no tag.
            ArgumentError: the lines do not have the given columns.
        """
        all_lines = list(numbered)
        first = next((line for _, line in all_lines if _has_words(line)), None)
        if first is None:
            return
        tabs = "\t" in first
        count = len(_cut(first, tabs))
        token, tag = self._places(count, where)
        comments = _comments(all_lines, count, tabs, tag)
        words: list[str] = []
        tags: list[str] = []
        begin, document, opened = 0, 0, False
        for number, line in [*all_lines, (len(all_lines) + 1, "")]:
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
                    f"line {number} of {where} has no tag in column {tag}, counted from 0: {_short(line)!r}; add "
                    "one, or give the column of tags with --tag-column"
                )
            if len(cells) != count or not cells[token] or not cells[tag]:
                raise DataError(
                    f"line {number} of {where} has {_columns(len([c for c in cells if c]))}, the first line has "
                    f"{count}: {_short(line)!r}; "
                    "all lines must have the same columns, with an empty line after each sentence"
                )
            if not words:
                begin = number
            words.append(cells[token])
            tags.append(cells[tag])

    def _places(self, count: int, where: str) -> tuple[int, int]:
        """Return the columns of words and tags, counted from 0."""
        if count < 2:
            raise DataError(
                f"{where} has only one column; give a file with a word and its tag on each line, separated by a tab "
                "or a space"
            )
        for name in ("token_column", "tag_column"):
            if not -count <= getattr(self, name) < count:
                raise ArgumentError(name, f"a column of {where}, {-count} to {count - 1}", getattr(self, name))
        token, tag = self.token_column % count, self.tag_column % count
        if token == tag:
            raise ArgumentError("tag_column", "different from token_column", self.tag_column)
        return token, tag


def unify(sentences: Sequence[Sentence], where: str, scheme: Scheme | None, repair: bool) -> tuple[list[Sentence], str]:
    """The sentences with their tags in the scheme bio (plain tags stay), and what was found, for a person.

    Args:
        sentences: sentences with the tags of the file.
        where: the file name for messages.
        scheme: the tagging scheme; `None`: detect.
        repair: interpret invalid tag sequences as the CoNLL evaluation script does, instead of raising an error.

    Raises:
        DataError: a tag is not of the scheme, or a tag sequence is invalid.
    """
    found = scheme or detect([sentence.tags for sentence in sentences])
    if found == "plain":
        return list(sentences), PLAIN
    unknown = ((sentence, at) for sentence in sentences for at, tag in enumerate(sentence.tags) if parse(tag) is None)
    for sentence, at in unknown:
        word, tag = sentence.words[at], sentence.tags[at]
        remedy = "remove the line if it is a comment" if word.startswith("# ") or word == "#" else "use --scheme plain"
        raise DataError(
            f"unknown tag {_short(tag)!r} in line {sentence.line + at} of {where}: tags of scheme {found} are O, or "
            f"a letter and a type such as B-person; correct it, or {remedy}"
        )
    wrong = [(sentence, at) for sentence in sentences for at in inconsistent(sentence.tags, found)]
    if wrong and not repair:
        shown = "; ".join(
            f"line {sentence.line + at}: {sentence.tags[at]} after {sentence.tags[at - 1] if at else 'the beginning'}"
            for sentence, at in wrong[:SHOWN]
        )
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise DataError(
            f"the tags of {where} are inconsistent in the scheme {found} ({shown}{more}); correct them, give the "
            "scheme with --scheme, or use --repair to read them as the CoNLL script does"
        )
    converted = [replace(s, tags=tuple(spell(entities(s.tags), len(s), "bio"))) for s in sentences]
    return converted, f"scheme {found}" + (f", {len(wrong)} tags repaired" if wrong else "")


def _comments(numbered: Numbered, count: int, tabs: bool, tag: int) -> set[int]:
    """Return the line numbers of comments: lines starting with ``# `` before the first word of a sentence, unless they
    have the number of columns of the file and a tag of other lines (the word is ``#`` there)."""
    if not any(line.startswith("# ") for _, line in numbered):
        return set()
    candidates: list[tuple[int, list[str]]] = []
    known: set[str] = set()
    inside = False
    for number, line in numbered:
        cells = _cut(line, tabs)
        if not cells or cells[0] == DOCUMENT:
            inside = False
        elif not inside and line.startswith("# "):
            candidates.append((number, cells))
        else:
            inside = True
            known |= {cells[tag]} if len(cells) == count else set()
    return {number for number, cells in candidates if len(cells) != count or cells[tag] not in known}


def _without_trailing_tab(numbered: Numbered) -> tuple[Numbered, str]:
    """Remove the tab at the end of each line, if all lines have one; return the lines and a description."""
    if not all(line.endswith("\t") for _, line in numbered if _has_words(line)):
        return numbered, ""
    return [(number, line.removesuffix("\t")) for number, line in numbered], ", empty last column ignored"


def _refuse_json(numbered: Numbered, path: Path) -> None:
    """Raise `DataError` if the first line is JSON, or the start of a JSON array or object."""
    number, first = next(((number, line.strip()) for number, line in numbered if line.strip()), (0, ""))
    try:
        is_json = isinstance(json.loads(first), dict | list)
    except (ValueError, RecursionError):
        is_json = first.startswith(('{"', '[{"'))
    if is_json:
        raise DataError(
            f"line {number} of {path} is JSON: {_short(first)!r}; give a file with a word and its tag on each line, "
            "and an empty line after each sentence"
        )


def _numbers_words(numbered: Numbered, tabs: bool) -> bool:
    """Whether the first column numbers the words of each sentence from 1, and a sentence has two or more words."""
    expected, most = 1, 0
    for _, line in numbered:
        cells = _cut(line, tabs)
        if not cells or cells[0] == DOCUMENT:
            expected = 1
        elif cells[0] == str(expected):
            most, expected = max(most, expected), expected + 1
        elif not _RANGE.fullmatch(cells[0]) and not (expected == 1 and line.startswith("#")):
            return False
    return most > 1


def _cut(line: str, tabs: bool) -> list[str]:
    """Return the cells of a line; an empty list for a blank line."""
    if not line.strip():
        return []
    return [cell.strip(" ") for cell in line.split("\t")] if tabs else re.split(r"[ \t]+", line.strip(" \t"))


def _has_words(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(("# ", DOCUMENT))


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"

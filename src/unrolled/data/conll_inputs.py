"""Read sentences to tag: a word per line, with or without further columns."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from .columns import Columns, Sentence
from .rows import lines, without_end
from .textfile import TextFile, ends_of

SUFFIXES = (".conll", ".conllu", ".iob", ".iob2", ".bio")


def read_words(path: Path, columns: Columns) -> tuple[list[Sentence], str]:
    """Return the sentences of a file, and how it was read; the tags of a file with one column are empty.

    Raises:
        DataError: the file cannot be read, or has no words.
    """
    file = TextFile(path, columns.encoding, columns.errors)
    if not path.is_file():
        raise DataError(f"there is no file {path}; give a file with a word on each line, or with a text on each line")
    words: list[str] = []
    sentences: list[Sentence] = []
    begin = 1
    for number, line in enumerate(map(without_end, lines(file, lone_cr=True)), 1):
        cells = line.split()
        if len(cells) > 1:
            return columns.open(path)
        if cells:
            words += cells
        elif words:
            sentences.append(Sentence(tuple(words), ("",) * len(words), begin))
            words, begin = [], number + 1
    if words:
        sentences.append(Sentence(tuple(words), ("",) * len(words), begin))
    if not sentences:
        raise DataError(f"{path} has no words; give a file with a word on each line")
    return sentences, f"a word on each line{ends_of(file)}"

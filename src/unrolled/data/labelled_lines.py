"""Lines with a label and a text: which is which.

label text              the label is the first word; if there is a tab, what stands before it
text<TAB>label          if what stands before the tab would be nearly as many labels as there are texts
__label__x text         fastText's form; the label may also stand last
"""

from __future__ import annotations

from ..errors import DataError
from .rows import lines, without_end
from .table import Found
from .textfile import TextFile, ends_of

PREFIX = "__label__"
Numbered = list[tuple[int, str]]


def read_lines(file: TextFile, look: bool) -> tuple[str, Found]:
    """What was decided, for a person, and (line, text, label) of each.

    Args:
        look: whether another form than ``label text`` is to be told, not taken as it comes: a label after the text,
            and columns.

    Raises:
        DataError: a line has no label or several, or all have columns.
    """
    every = [(number, line.strip()) for number, raw in enumerate(lines(file), 1) if (line := without_end(raw)).strip()]
    ends = ends_of(file)
    marked = sum(PREFIX in line and any(word.startswith(PREFIX) for word in line.split()) for _, line in every)
    if 2 * marked > len(every):
        return f"lines with a word {PREFIX}…{ends}", iter([_fasttext(file, number, line) for number, line in every])
    tabs = {line.count("\t") for _, line in every} if look else set[int]()
    if len(tabs) == 1 and (count := tabs.pop() + 1) > 2 and len(every) > 1:
        raise DataError(
            f"{file.path} has {count} columns between tabs in every line; say which with --form tsv --no-header "
            "--text-column N --label-column M (without --no-header if the first line names them), or use --form lines "
            "if the text is all after the first tab"
        )
    if look and every and all(line.count("\t") == 1 for _, line in every) and _label_last(every):
        cut = [(number, *line.partition("\t")) for number, line in every]
        return f"text, a tab, label{ends}", iter([(number, text, label) for number, text, _, label in cut])
    return f"the first word of each line is its label{ends}", iter(
        [_first(file, number, line) for number, line in every]
    )


def _first(file: TextFile, number: int, line: str) -> tuple[int, str, str]:
    label, _, text = line.partition("\t" if "\t" in line else " ")
    if not text:
        raise DataError(
            f"{file.path}, line {number} is not 'label text': {line[:60]!r}; for a table use --form csv or --form tsv"
        )
    return number, text, label.removeprefix(PREFIX)


def _fasttext(file: TextFile, number: int, line: str) -> tuple[int, str, str]:
    words = line.split()
    labels = [word for word in words if word.startswith(PREFIX)]
    if len(labels) != 1:
        found = " ".join(labels) or "none"
        raise DataError(
            f"{file.path}, line {number} must have one label that begins with {PREFIX}, it has {found}; keep one in "
            "each line: a text is of one class"
        )
    before, _, after = line.partition(labels[0])
    return number, f"{before.rstrip()} {after.lstrip()}".strip(), labels[0].removeprefix(PREFIX)


def _label_last(every: Numbered) -> bool:
    """Whether what stands before the tab is no label, and what stands after it can be one."""
    firsts, lasts = (len({line.split("\t")[side].strip() for _, line in every}) for side in (0, 1))
    many = max(10, len(every) // 2)
    return (firsts > many or firsts == len(every)) and lasts < firsts and lasts <= many

"""Lines with a label and a text: which is which.

label text              the label is the first word; if there is a tab, what stands before it
text<TAB>label          if what stands before the tab would be nearly as many labels as there are texts
__label__x text         fastText's form; the label may also stand last
"""

from __future__ import annotations

from ..errors import DataError
from .dialect import DELIMITERS
from .rows import lines, without_end
from .table import Found
from .textfile import TextFile, ends_of, mixed_ends

PREFIX = "__label__"
TEXT_NAMES = ("text", "sentence", "review", "question", "comment", "content", "document", "tweet", "body", "title")
LABEL_NAMES = ("label", "class", "category", "target", "sentiment", "author", "intent", "topic", "tag", "y")
Numbered = list[tuple[int, str]]


def read_lines(file: TextFile, look: bool) -> tuple[str, Found]:
    """What was decided, for a person, and (line, text, label) of each.

    Args:
        look: whether another form than ``label text`` is to be told, not taken as it comes: a label after the text,
            and columns.

    Raises:
        DataError: a line has no label or several, or all have columns.
    """
    raws = enumerate(lines(file, every=_returns_end(file)), 1)
    every = [(number, line.strip()) for number, raw in raws if (line := without_end(raw)).strip()]
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
    every, header = _without_header(file, every) if look else (every, "")
    if look:
        _check_separators(file, every)
    return f"the first word of each line is its label{header}{ends}", iter(
        [_first(file, number, line) for number, line in every]
    )


def _returns_end(file: TextFile) -> bool:
    """Whether a lone ``\\r`` beside ``\\n`` ends a line: what stands after it begins as lines do; else it is text.

    Raises:
        DataError: some of what stands after it does.
    """
    if not mixed_ends(file):
        return False
    after, others, end = set[str](), set[str](), "\n"
    for line in lines(file, every=True):
        if line.strip():
            begin = PREFIX if PREFIX in line else "\t" * line.count("\t") or line.split()[0]
            (after if end == "\r" else others).add(begin)
        end = line[-1]
    if after & others and after - others:
        raise DataError(
            f"{file.path} has lines that end with CR and lines that end with LF, and after a CR stand both labels and "
            f"{min(after - others)!r}, which begins no other line; save it with one kind of line ends"
        )
    return after <= others


def _without_header(file: TextFile, every: Numbered) -> tuple[Numbered, str]:
    """The lines without a first one that says ``label text``, and what to add to how the file was read.

    Raises:
        DataError: it says that the label stands last.
    """
    first = every[0][1].lower().split() if every else []
    others = {line.lower().split()[0] for _, line in every[1:]}
    if len(first) != 2 or len(every) < 2 or first[0] in others:
        return every, ""
    if first[0] in LABEL_NAMES and first[1] in TEXT_NAMES:
        return every[1:], ", but for the first line, a header"
    if first[0] in TEXT_NAMES and first[1] in LABEL_NAMES:
        raise DataError(
            f"{file.path} has the header {every[0][1]!r}, so labels stand last; put a tab or a comma before each "
            "and use --form tsv or --form csv, or put labels first"
        )
    return every, ""


def _check_separators(file: TextFile, every: Numbered) -> None:
    """Raise `DataError` if every first word has a separator of columns in it: it is no label then."""
    words = [line.split("\t" if "\t" in line else None)[0] for _, line in every]
    for one, name in DELIMITERS.items():
        if len(words) > 1 and one != "\t" and all(one in word for word in words):
            raise DataError(
                f"{file.path} has {name} in the first word of every line, such as {words[0][:40]!r}; if they separate "
                f"columns, use --form csv --no-header --delimiter {one!r} --text-column N --label-column M (without "
                "--no-header if the first line names them), else --form lines"
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
    if len(labels) != 1 or labels[0].count(PREFIX) > 1:  # fastText also has them joined by commas
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

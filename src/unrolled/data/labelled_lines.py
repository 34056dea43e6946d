"""Lines with a label and a text: detect the format.

label text              the label is the first word or, if there is a tab, the text before it
text<TAB>label          if the texts before the tab would be nearly as many labels as there are lines
__label__x text         the fastText format; the label may also be last
"""

from __future__ import annotations

from ..errors import DataError
from .dialect import DELIMITERS
from .rows import lines, without_end
from .table import Found
from .textfile import TextFile, ends_of, mixed_ends

PREFIX = "__label__"
TEXT_NAMES = (
    *("text", "sentence", "review", "question", "comment", "content", "document", "tweet", "body", "title"),
    *("message", "description", "summary"),
)
"""usual names of a column of texts; of several, the first one here is used"""
LABEL_NAMES = (
    *("label", "class", "category", "target", "sentiment", "author", "intent", "topic", "tag", "y"),
    *("queue", "team", "type", "rating", "stars"),
)
"""usual names of a column of labels"""
Numbered = list[tuple[int, str]]


def read_lines(file: TextFile, look: bool) -> tuple[str, Found]:
    """Return a description of the format, and (line number, text, label) of each line.

    Args:
        file: the file.
        look: whether to detect other formats than ``label text``: a label after the text, and columns.

    Raises:
        DataError: a line has no label or several labels, or the file is a table.
    """
    raw_lines = enumerate(lines(file, lone_cr=_lone_cr_ends(file)), 1)
    numbered = [(number, line.strip()) for number, raw in raw_lines if (line := without_end(raw)).strip()]
    ends = ends_of(file)
    marked = sum(PREFIX in line and any(word.startswith(PREFIX) for word in line.split()) for _, line in numbered)
    if 2 * marked > len(numbered):
        return f"lines with a word {PREFIX}…{ends}", iter([_fasttext(file, n, line) for n, line in numbered])
    tabs = {line.count("\t") for _, line in numbered} if look else set[int]()
    if len(tabs) == 1 and (count := tabs.pop() + 1) > 2 and len(numbered) > 1:
        raise DataError(
            f"{file.path} has {count} tab-separated columns in every line; choose two with --form tsv --no-header "
            "--text-column N --label-column M (without --no-header if the first line is a header), or use --form "
            "lines if the text is everything after the first tab"
        )
    if look and numbered and all(line.count("\t") == 1 for _, line in numbered) and _label_last(numbered):
        cut = [(number, *line.partition("\t")) for number, line in numbered]
        return f"text, a tab, label{ends}", iter([(number, text, label) for number, text, _, label in cut])
    numbered, header = _without_header(file, numbered) if look else (numbered, "")
    if look:
        _check_separators(file, numbered)
    return f"the first word of each line is its label{header}{ends}", iter(
        [_label_first(file, number, line) for number, line in numbered]
    )


def _lone_cr_ends(file: TextFile) -> bool:
    """Whether a lone ``\\r`` beside ``\\n`` ends a line: if so, the text after it starts like a line, with a label.

    Raises:
        DataError: only some of the texts after it do.
    """
    if not mixed_ends(file):
        return False
    after, others, end = set[str](), set[str](), "\n"
    for line in lines(file, lone_cr=True):
        if line.strip():
            begin = PREFIX if PREFIX in line else "\t" * line.count("\t") or line.split()[0]
            (after if end == "\r" else others).add(begin)
        end = line[-1]
    if after & others and after - others:
        raise DataError(
            f"{file.path} has lines that end with CR and lines that end with LF, and both labels and "
            f"{min(after - others)!r}, which starts no other line, follow a CR; save it with consistent line endings"
        )
    return after <= others


def _without_header(file: TextFile, numbered: Numbered) -> tuple[Numbered, str]:
    """Remove a header ``label text``; return the lines and a description.

    Raises:
        DataError: the header has the label last.
    """
    first = numbered[0][1].lower().split() if numbered else []
    others = {line.lower().split()[0] for _, line in numbered[1:]}
    if len(first) != 2 or len(numbered) < 2 or first[0] in others:
        return numbered, ""
    if first[0] in LABEL_NAMES and first[1] in TEXT_NAMES:
        return numbered[1:], ", except for the header"
    if first[0] in TEXT_NAMES and first[1] in LABEL_NAMES:
        raise DataError(
            f"{file.path} has the header {numbered[0][1]!r}, so labels are last; put a tab or a comma before each "
            "label and use --form tsv or --form csv, or put labels first"
        )
    return numbered, ""


def _check_separators(file: TextFile, numbered: Numbered) -> None:
    """Raise `DataError` if the first word of every line contains a column separator: it is not a label then."""
    words = [line.split("\t" if "\t" in line else None)[0] for _, line in numbered]
    for delimiter, name in DELIMITERS.items():
        if len(words) > 1 and delimiter != "\t" and all(delimiter in word for word in words):
            raise DataError(
                f"{file.path} has {name} in the first word of every line, such as {words[0][:40]!r}; if they separate "
                f"columns, use --form csv --no-header --delimiter {delimiter!r} --text-column N --label-column M "
                "(without --no-header if the first line is a header), otherwise --form lines"
            )


def _label_first(file: TextFile, number: int, line: str) -> tuple[int, str, str]:
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
            f"{file.path}, line {number} must have one label that starts with {PREFIX}, got {found}; keep one label "
            "per line"
        )
    before, _, after = line.partition(labels[0])
    return number, f"{before.rstrip()} {after.lstrip()}".strip(), labels[0].removeprefix(PREFIX)


def _label_last(numbered: Numbered) -> bool:
    """Whether the texts before the tab cannot be labels, and those after it can."""
    firsts, lasts = (len({line.split("\t")[side].strip() for _, line in numbered}) for side in (0, 1))
    many = max(10, len(numbered) // 2)
    return (firsts > many or firsts == len(numbered)) and lasts < firsts and lasts <= many

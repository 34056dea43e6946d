"""Helpers for `Task.likely`, `Task.describe` and `Task.check` of tasks on text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ...data.rows import form_by_name
from ...results import Text
from .excerpts import visible

PARTS = ("train", "valid", "test")
SHOWN = 10  # lines of a text, examples of a data set
LISTED = 20  # classes, tags
REMEDY = "remove the duplicates from the data"
LEAKED = 1  # examples of another split that are also in training
LONGEST = 100  # characters of an example
_BINARY_SUFFIXES = frozenset(
    ".png .jpg .jpeg .gif .bmp .tif .tiff .webp .ico .mp3 .wav .flac .ogg .m4a .aac .mp4 .avi .mov .mkv .webm .y4m "
    ".zip .tar .tgz .bz2 .xz .7z .rar .pdf .docx .xlsx .pptx .odt .npy .npz .pt .pth .safetensors .onnx .parquet "
    ".arrow .h5 .hdf5 .sqlite .db .so .dll .exe .pyc".split()
)


def text_by_name(path: Path) -> bool:
    """Return whether a file may be text, judged by its name."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return path.is_file() and not (suffixes and suffixes[-1].lower() in _BINARY_SUFFIXES)


def table_by_name(path: Path) -> bool:
    """Return whether a file is a table or JSON, judged by its name."""
    return path.is_file() and form_by_name(path, "lines") != "lines"


def counted(counts: Counter[str]) -> str:
    """Return the most frequent names with their counts, such as ``person (1,204), place (310)``."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    listed = ", ".join(f"{name} ({count:,})" for name, count in ranked[:LISTED])
    return listed + (f" and {len(counts) - LISTED:,} more" if len(counts) > LISTED else "")


def first_lines(lines: Iterable[str]) -> Text:
    """Return the first examples, indented."""
    return Text("\n".join(f"  {line}" for line in lines))


def how_read(found: Sequence[tuple[object, str]]) -> str:
    """Join descriptions of how files were read into one line, with the files' names if there are several."""
    return "; ".join(how if len(found) == 1 else f"{place}: {how}" for place, how in found)


def ambiguous(parts: Mapping[str, Sequence[tuple[str, str]]], what: str, answer: str) -> list[str]:
    """Return a note on examples that occur with different answers, if there are any.

    Args:
        parts: ``train``, ``valid`` and ``test``, each a list of (example, answer) pairs.
        what: the plural noun for examples, such as ``texts``.
        answer: the noun for an answer, such as ``label``.
    """
    answers: dict[str, set[str]] = {}
    for part in parts.values():
        for example, label in part:
            answers.setdefault(example, set()).add(label)
    found = [example for example, labels in answers.items() if len(labels) > 1]
    if not found:
        return []
    first = ", ".join(visible(label)[:40] for label in sorted(answers[found[0]])[:3])
    return [f"{what} with more than one {answer}: {len(found):,}, such as {visible(found[0])[:60]!r} ({first})"]


def single(labels: Iterable[str], noun: str) -> list[str]:
    """Return a note on classes with a single training example, called ``noun``, if there are any."""
    counts = Counter(labels)
    found = sorted(label for label, count in counts.items() if count < 2)
    return [f"classes with a single training {noun}: {visible(', '.join(found[:LISTED]))}"] if found else []


def leaked(
    parts: Mapping[str, Sequence[str]], what: str, remedy: str = REMEDY, key: Callable[[str], str] = str
) -> list[str]:
    """Return notes on validation and test examples that are training examples too.

    Args:
        parts: the examples of ``train``, ``valid`` and ``test``.
        what: the plural noun for examples, such as ``texts``.
        remedy: what to do about it.
        key: maps examples that the model does not distinguish to the same text.
    """
    train = set(map(key, parts["train"]))
    notes = []
    for name, part in parts.items():
        duplicates = [example for example in part if key(example) in train] if name != "train" else []
        if duplicates:
            split = "validation" if name == "valid" else name
            first = ", ".join(repr(visible(example)[:60]) for example in dict.fromkeys(duplicates[:LEAKED]))
            notes.append(
                f"{split} {what} that are also training {what}: {len(duplicates):,} of {len(part):,}, such as {first}; "
                f"they make the metrics too good: {remedy}"
            )
    return notes

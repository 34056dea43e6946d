"""What tasks on texts share of `Task.likely`, `Task.describe` and `Task.check`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...data.rows import form_by_name
from ...results import Text
from .excerpts import visible

SHOWN = 10  # lines of a text, examples of a set
LISTED = 20  # classes, tags
LONGEST = 100  # characters of an example
_NO_TEXT = frozenset(
    ".png .jpg .jpeg .gif .bmp .tif .tiff .webp .ico .mp3 .wav .flac .ogg .m4a .aac .mp4 .avi .mov .mkv .webm .y4m "
    ".zip .tar .tgz .bz2 .xz .7z .rar .pdf .docx .xlsx .pptx .odt .npy .npz .pt .pth .safetensors .onnx .parquet "
    ".arrow .h5 .hdf5 .sqlite .db .so .dll .exe .pyc".split()
)


def text_by_name(path: Path) -> bool:
    """Whether a file is a text, as far as its name tells."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return path.is_file() and not (suffixes and suffixes[-1].lower() in _NO_TEXT)


def table_by_name(path: Path) -> bool:
    """Whether a file is a table or has objects of JSON, by its name."""
    return path.is_file() and form_by_name(path, "lines") != "lines"


def first_lines(lines: Iterable[str]) -> Text:
    """The first examples, indented."""
    return Text("\n".join(f"  {line}" for line in lines))


def how_read(found: Sequence[tuple[object, str]]) -> str:
    """How files were read, in one line: with their names where there are several."""
    return "; ".join(how if len(found) == 1 else f"{place}: {how}" for place, how in found)


def repeated(parts: Mapping[str, Sequence[tuple[str, str]]], what: str, answer: str) -> list[str]:
    """Notes on examples that occur more than once: with different answers, or in training and in another part.

    Args:
        parts: ``train``, ``valid`` and ``test``, each (example, answer)s.
        what: what examples are called, such as ``texts``.
        answer: what an answer is called, such as ``label``.
    """
    answers: dict[str, set[str]] = {}
    for part in parts.values():
        for example, said in part:
            answers.setdefault(example, set()).add(said)
    notes = []
    if several := [example for example, said in answers.items() if len(said) > 1]:
        first = ", ".join(visible(one)[:40] for one in sorted(answers[several[0]])[:3])
        shown = f"such as {visible(several[0])[:60]!r} ({first})"
        notes.append(f"{what} with more than one {answer}: {len(several):,}, {shown}")
    train = {example for example, _ in parts["train"]}
    for name, part in parts.items():
        again = sum(example in train for example, _ in part)
        if name != "train" and again:
            kind = "validation" if name == "valid" else name
            notes.append(f"{kind} {what} that are also training {what}: {again:,} of {len(part):,}")
    return notes

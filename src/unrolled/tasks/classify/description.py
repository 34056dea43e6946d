"""``unrolled data`` for the task ``classify``: a summary of labelled texts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ...data.fasta import is_fasta
from ...data.fasta_labels import has_fasta
from ...data.label_names import alike, folded, key, spellings
from ...data.labelled import check_used, read_labelled
from ...data.labelled_folders import class_folders, find_parts
from ...data.labelled_sets import SETS, LabelledSets, existing_path, labelled_names
from ...data.named_data import NamedData, named_data
from ...errors import DataError
from ...results import Pairs, Report
from ...training.config import refuse_changed
from ..common.description import (
    LONGEST,
    SHOWN,
    ambiguous,
    counted,
    first_lines,
    how_read,
    single,
    table_by_name,
    text_by_name,
)
from ..common.excerpts import excerpts, visible
from .config import OF_FILES, LabelledText


def named() -> list[NamedData]:
    """Return the named data sets."""
    generated = [NamedData(name, title) for name, title in labelled_names().items() if name not in SETS]
    published = (named_data(name, data.title, [f for f in (data.train, data.test) if f]) for name, data in SETS.items())
    return [*generated, *published]


def likely(path: Path) -> bool:
    """Return whether ``path`` may be labelled texts: a table, JSON, FASTA, or a folder with a subfolder per class."""
    return table_by_name(path) or is_fasta(path) or has_fasta(path) or (path.is_dir() and _has_classes(path))


def describe(data: LabelledText) -> Report:
    """See `Task.describe`."""
    return _describe_named(data) if data.data in labelled_names() else _describe_files(data)


def suspicious(sets: LabelledSets) -> list[str]:
    """Return notes on likely mistakes, such as texts with several labels and classes with a single text."""
    pairs = {
        part: [(key(text), label) for text, label in zip(texts.texts, texts.labels, strict=True)]
        for part, texts in sets.parts().items()
    }
    return [*ambiguous(pairs, "texts", "label"), *single(sets.train.labels, "text")]


def _has_classes(path: Path) -> bool:
    try:
        if find_parts(path)[0]:
            return True
        files = (entry for entry in path.iterdir() if not entry.is_dir() and not entry.name.startswith("."))
        folders = [] if any(files) else class_folders(path)
        first_files = [next(folder.iterdir(), folder) for folder in folders]
    except (DataError, OSError):
        return False
    return len(first_files) > 1 and all(map(text_by_name, first_files))


def _describe_named(data: LabelledText) -> Report:
    if data.test is None:
        refuse_changed(data, OF_FILES, f"with --data {data.data}, which does not use it")
    sets = data.read()
    parts = sets.parts()
    classes = Counter(label for examples in parts.values() for label in examples.labels)
    rows = [
        ("set", f"{data.data}: {labelled_names()[data.data]}"),
        *((part, f"{len(examples):,} texts") for part, examples in parts.items()),
        _class_row(classes),
    ]
    first = zip(sets.train.labels[:SHOWN], sets.train.texts[:SHOWN], strict=True)
    values = {"name": data.data, "classes": dict(classes), **{part: len(examples) for part, examples in parts.items()}}
    lines = (f"{label}  {text[:LONGEST]}" for label, text in first)
    return Report(values, (Pairs(rows), first_lines(lines)), event="labelled")


def _describe_files(data: LabelledText) -> Report:
    """Describe files as a whole, before they are split."""
    path, layout = existing_path(data.data), data.layout()
    check_used(path, layout)
    places = list(find_parts(path)[0].values()) or [path]
    if data.test is not None:
        places = [*(place for place in places if place.name != "test"), Path(data.test).expanduser()]
    read = [(place, *read_labelled(place, layout)) for place in places]
    labels = [label for _, part, _ in read for label in part.labels]
    names = spellings(labels) if data.fold_labels else {}
    texts = [
        (label, text) for _, part, _ in read for label, text in zip(folded(part, names).labels, part.texts, strict=True)
    ]
    classes = Counter(label for label, _ in texts)
    how = how_read([(place, "; ".join([part.how, *notes])) for place, part, notes in read])
    values = {"name": data.data, "classes": dict(classes), "texts": len(texts)}
    rows = [("texts", f"{len(texts):,}"), _class_row(classes)]
    if warning := alike(label for label, _ in texts):
        rows.append(("warning", visible(warning)))
    return Report(values, (Pairs(rows),), how=(how, *excerpts(map(" ← ".join, texts))), event="labelled")


def _class_row(classes: Counter[str]) -> tuple[str, str]:
    return "classes", counted(classes)

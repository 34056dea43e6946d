"""What `unrolled data` says of labelled texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ...data.labelled import Examples, check_used, read_labelled
from ...data.labelled_folders import class_folders, find_parts
from ...data.labelled_sets import SETS, LabelledSets, existing_path, labelled_names
from ...data.named_data import NamedData, named_data
from ...errors import DataError
from ...results import Pairs, Report
from ...training.config import refuse_changed
from ..common.description import LISTED, LONGEST, SHOWN, first_lines, how_read, repeated, table_by_name, text_by_name
from ..common.excerpts import excerpts, visible
from .config import OF_FILES, LabelledText

PARTS = ("train", "valid", "test")


def named() -> list[NamedData]:
    """The sets that have a name."""
    made_up = [NamedData(name, title) for name, title in labelled_names().items() if name not in SETS]
    kept = (named_data(name, one.title, [one.train, *([one.test] if one.test else [])]) for name, one in SETS.items())
    return [*made_up, *kept]


def likely(path: Path) -> bool:
    """Tables, JSON, and folders that have a folder of texts for each class and nothing beside them."""
    return table_by_name(path) or (path.is_dir() and _has_classes(path))


def describe(data: LabelledText) -> Report:
    """See `Task.describe`."""
    return _describe_named(data) if data.data in labelled_names() else _describe_files(data)


def suspicious(sets: LabelledSets) -> list[str]:
    """What may be wrong with labelled texts that can be learned from."""
    parts = {part: getattr(sets, part) for part in PARTS}
    notes = repeated(
        {part: list(zip(one.texts, one.labels, strict=True)) for part, one in parts.items()}, "texts", "label"
    )
    counts = Counter(sets.train.labels)
    if alone := sorted(label for label, count in counts.items() if count < 2):
        notes.append(f"classes with a single training text: {visible(', '.join(alone[:LISTED]))}")
    return notes


def _has_classes(path: Path) -> bool:
    try:
        if find_parts(path)[0]:
            return True
        beside = (one for one in path.iterdir() if not one.is_dir() and not one.name.startswith("."))
        folders = [] if any(beside) else class_folders(path)
        firsts = [next(folder.iterdir(), folder) for folder in folders]
    except (DataError, OSError):
        return False
    return len(firsts) > 1 and all(map(text_by_name, firsts))


def _describe_named(data: LabelledText) -> Report:
    if data.test is None:
        refuse_changed(data, OF_FILES, f"with --data {data.data}, which has no use for it")
    sets = data.read()
    parts: dict[str, Examples] = {part: getattr(sets, part) for part in PARTS}
    classes = Counter(label for one in parts.values() for label in one.labels)
    rows = [
        ("set", f"{data.data}: {labelled_names()[data.data]}"),
        *((part, f"{len(one):,} texts") for part, one in parts.items()),
        _row(classes),
    ]
    first = zip(sets.train.labels[:SHOWN], sets.train.texts[:SHOWN], strict=True)
    values = {"name": data.data, "classes": dict(classes), **{part: len(one) for part, one in parts.items()}}
    lines = (f"{label}  {text[:LONGEST]}" for label, text in first)
    return Report(values, (Pairs(rows), first_lines(lines)), event="labelled")


def _describe_files(data: LabelledText) -> Report:
    """Files as they are, before a part is taken out of them."""
    path, layout = existing_path(data.data), data.layout()
    check_used(path, layout)
    places = list(find_parts(path)[0].values()) or [path]
    if data.test is not None:
        places = [*(place for place in places if place.name != "test"), Path(data.test).expanduser()]
    read = [(place, *read_labelled(place, layout)) for place in places]
    texts = [(label, text) for _, one, _ in read for label, text in zip(one.labels, one.texts, strict=True)]
    classes = Counter(label for label, _ in texts)
    how = how_read([(place, "; ".join([one.how, *notes])) for place, one, notes in read])
    values = {"name": data.data, "classes": dict(classes), "texts": len(texts)}
    rows = [("texts", f"{len(texts):,}"), _row(classes)]
    return Report(values, (Pairs(rows),), how=(how, *excerpts(map(" ← ".join, texts))), event="labelled")


def _row(classes: Counter[str]) -> tuple[str, str]:
    return "classes", _counted(classes.most_common(LISTED))


def _counted(classes: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{label} ({count:,})" for label, count in classes)

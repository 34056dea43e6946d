"""``unrolled data`` for the task ``translate``: a summary of sentence pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...data.bitext import Pairs as Sentences
from ...data.bitext import read_pairs
from ...data.bitext_sets import GENERATED, PUBLISHED, BitextSets, bitext_names
from ...data.named_data import NamedData, named_data
from ...results import Pairs, Report
from ..common.description import LONGEST, SHOWN, ambiguous, first_lines, how_read, table_by_name
from ..common.excerpts import excerpts
from .config import Bitext


def named() -> list[NamedData]:
    """Return the named data sets."""
    generated = [NamedData(name, title) for name, (title, _) in GENERATED.items()]
    return generated + [named_data(name, data.title, [*data.train, *data.test]) for name, data in PUBLISHED.items()]


def likely(path: Path) -> bool:
    """Return whether ``path`` may be sentence pairs: a table or JSON."""
    return table_by_name(path)


def describe(data: Bitext) -> Report:
    """See `Task.describe`."""
    return _describe_named(data) if data.data in bitext_names() else _describe_files(data)


def suspicious(sets: BitextSets) -> list[str]:
    """Return notes on likely mistakes in sentence pairs, such as sources with several targets and identical sides."""
    parts = {part: list(zip(pairs.source, pairs.target, strict=True)) for part, pairs in sets.parts().items()}
    notes = ambiguous(parts, "sources", "target")
    if identical := sum(source == target for source, target in parts["train"]):
        notes.append(f"training pairs with the same text on both sides: {identical:,} of {len(parts['train']):,}")
    return notes


def _describe_named(data: Bitext) -> Report:
    sets = data.read()
    parts, train = sets.parts(), sets.train
    lengths = _lengths(train)
    rows = [
        ("set", f"{data.data}: {bitext_names()[data.data]}"),
        *((part, f"{len(pairs):,} pairs") for part, pairs in parts.items()),
        *_length_rows(lengths),
    ]
    first = zip(train.source[:SHOWN], train.target[:SHOWN], strict=True)
    lines = (f"{source[:LONGEST]}\n    → {target[:LONGEST]}" for source, target in first)
    values = {"name": data.data, "lengths": lengths, **{part: len(pairs) for part, pairs in parts.items()}}
    return Report(values, (Pairs(rows), first_lines(lines)), event="parallel")


def _describe_files(data: Bitext) -> Report:
    """Describe files as a whole, before they are split."""
    files = ((data.data, data.target), (data.valid, data.valid_target), (data.test, data.test_target))
    layout = data.layout()
    read = [
        (source, read_pairs(Path(source).expanduser(), Path(target).expanduser() if target else None, layout))
        for source, target in files
        if source is not None
    ]
    source, target = ([text for _, part in read for text in getattr(part, side)] for side in ("source", "target"))
    pairs = Sentences(source, target)
    how = how_read([(place, part.how) for place, part in read])
    lengths = _lengths(pairs)
    values = {"name": data.data, "lengths": lengths, "pairs": len(pairs)}
    first = map(" → ".join, zip(source, target, strict=True))
    rows = [("pairs", f"{len(pairs):,}"), *_length_rows(lengths)]
    return Report(values, (Pairs(rows),), how=(how, *excerpts(first)), event="parallel")


def _lengths(pairs: Sentences) -> dict[str, dict[str, list[int]]]:
    """Return the median and the maximum length of each side, in words and in characters."""
    lengths: dict[str, Any] = {}
    for side in ("source", "target"):
        texts = getattr(pairs, side)
        words, characters = sorted(len(text.split()) for text in texts), sorted(map(len, texts))
        middle = len(texts) // 2
        lengths[side] = {"words": [words[middle], words[-1]], "characters": [characters[middle], characters[-1]]}
    return lengths


def _length_rows(lengths: dict[str, dict[str, list[int]]]) -> list[tuple[str, str]]:
    return [
        (side, ", ".join(f"median {median} {unit}, maximum {maximum}" for unit, (median, maximum) in units.items()))
        for side, units in lengths.items()
    ]

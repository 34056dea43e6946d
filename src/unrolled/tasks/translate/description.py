"""What `unrolled data` says of pairs of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...data.bitext import Pairs as Sentences
from ...data.bitext import read_pairs
from ...data.bitext_sets import GENERATED, PUBLISHED, BitextSets, bitext_names
from ...data.named_data import NamedData, named_data
from ...results import Pairs, Report
from ..common.description import LONGEST, SHOWN, first_lines, how_read, repeated, table_by_name
from ..common.excerpts import excerpts
from .config import Bitext

PARTS = ("train", "valid", "test")


def named() -> list[NamedData]:
    """The sets that have a name."""
    made_up = [NamedData(name, title) for name, (title, _) in GENERATED.items()]
    return made_up + [named_data(name, one.title, [*one.train, *one.test]) for name, one in PUBLISHED.items()]


def likely(path: Path) -> bool:
    """Tables and JSON."""
    return table_by_name(path)


def describe(data: Bitext) -> Report:
    """See `Task.describe`."""
    return _describe_named(data) if data.data in bitext_names() else _describe_files(data)


def suspicious(sets: BitextSets) -> list[str]:
    """What may be wrong with pairs that can be learned from."""
    parts = {part: list(zip(one.source, one.target, strict=True)) for part, one in _parts(sets).items()}
    notes = repeated(parts, "sources", "target")
    if same := sum(source == target for source, target in parts["train"]):
        notes.append(f"training pairs with the same text on both sides: {same:,} of {len(parts['train']):,}")
    return notes


def _describe_named(data: Bitext) -> Report:
    sets = data.read()
    parts, train = _parts(sets), sets.train
    lengths = _lengths(train)
    rows = [
        ("set", f"{data.data}: {bitext_names()[data.data]}"),
        *((part, f"{len(pairs):,} pairs") for part, pairs in parts.items()),
        *_rows(lengths),
    ]
    first = zip(train.source[:SHOWN], train.target[:SHOWN], strict=True)
    lines = (f"{source[:LONGEST]}\n    → {target[:LONGEST]}" for source, target in first)
    values = {"name": data.data, "lengths": lengths, **{part: len(one) for part, one in parts.items()}}
    return Report(values, (Pairs(rows), first_lines(lines)), event="parallel")


def _describe_files(data: Bitext) -> Report:
    """Files as they are, before a part is taken out of them."""
    given = ((data.data, data.target), (data.valid, data.valid_target), (data.test, data.test_target))
    layout = data.layout()
    read = [
        (source, read_pairs(Path(source).expanduser(), Path(target).expanduser() if target else None, layout))
        for source, target in given
        if source is not None
    ]
    source, target = ([text for _, one in read for text in getattr(one, side)] for side in ("source", "target"))
    pairs = Sentences(source, target)
    how = how_read([(place, one.how) for place, one in read])
    lengths = _lengths(pairs)
    values = {"name": data.data, "lengths": lengths, "pairs": len(pairs)}
    first = map(" → ".join, zip(source, target, strict=True))
    rows = [("pairs", f"{len(pairs):,}"), *_rows(lengths)]
    return Report(values, (Pairs(rows),), how=(how, *excerpts(first)), event="parallel")


def _parts(sets: BitextSets) -> dict[str, Sentences]:
    return {part: getattr(sets, part) for part in PARTS}


def _lengths(pairs: Sentences) -> dict[str, dict[str, list[int]]]:
    """The median and the largest length of each side, in words and in characters."""
    found: dict[str, Any] = {}
    for side in ("source", "target"):
        texts = getattr(pairs, side)
        words, characters = sorted(len(text.split()) for text in texts), sorted(map(len, texts))
        middle = len(texts) // 2
        found[side] = {"words": [words[middle], words[-1]], "characters": [characters[middle], characters[-1]]}
    return found


def _rows(lengths: dict[str, dict[str, list[int]]]) -> list[tuple[str, str]]:
    return [
        (side, ", ".join(f"{half} {unit}, at most {most}" for unit, (half, most) in one.items()))
        for side, one in lengths.items()
    ]

"""What `unrolled data` says of tagged sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ...data.columns import PLAIN, Sentence
from ...data.named_data import NamedData, named_data
from ...data.tagged import NAMES, Tagged, tagged_names
from ...data.tags import entities
from ...results import Pairs, Report
from ..common.description import LISTED, LONGEST, SHOWN, first_lines, how_read, repeated
from ..common.excerpts import excerpts, visible
from .config import TaggedText

PARTS = ("train", "valid", "test")
SUFFIXES = (".conll", ".conllu", ".iob", ".iob2", ".bio")


def named() -> list[NamedData]:
    """The sets that have a name."""
    made_up = [NamedData(name, title) for name, title in tagged_names().items() if name not in NAMES]
    kept = (named_data(name, one.title, [one.train, *([one.test] if one.test else [])]) for name, one in NAMES.items())
    return [*made_up, *kept]


def likely(path: Path) -> bool:
    """Columns, by their name."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def describe(data: TaggedText) -> Report:
    """See `Task.describe`."""
    return _describe_named(data) if data.data in tagged_names() else _describe_files(data)


def suspicious(tagged: Tagged) -> list[str]:
    """What may be wrong with tagged sentences that can be learned from."""
    parts = {part: [(" ".join(s.words), " ".join(s.tags)) for s in getattr(tagged, part)] for part in PARTS}
    notes = repeated(parts, "sentences", "tagging")
    if alone := sorted(name for name, count in _counts(tagged.train, tagged.plain).items() if count < 2):
        kinds = "tags" if tagged.plain else "types of entities"
        notes.append(f"{kinds} that occur once in the training text: {visible(', '.join(alone[:LISTED]))}")
    return notes


def _describe_named(data: TaggedText) -> Report:
    tagged = data.source().read()
    sizes = {part: len(getattr(tagged, part)) for part in PARTS}
    types = _counts(tagged.train, tagged.plain)
    rows = [
        ("set", f"{data.data}: {tagged_names()[data.data]}"),
        *((part, f"{count:,} sentences") for part, count in sizes.items()),
        ("entities", _counted(types)),
    ]
    lines = (" ".join(one.words)[:LONGEST] for one in tagged.train[:SHOWN])
    values = {"name": data.data, "entities": dict(types), **sizes}
    return Report(values, (Pairs(rows), first_lines(lines)), event="tagged")


def _describe_files(data: TaggedText) -> Report:
    """Files as they are, before a part is taken out of them."""
    source, told = data.source(), list[str]()
    every: list[Sentence] = []
    plain = False
    places = [place for place in (data.data, data.valid, data.test) if place is not None]
    for place in places:
        sentences, found = source.read_file(place, how=told)
        plain = plain or found == PLAIN
        every += sentences
    how = how_read([(place, one.removeprefix(f"{place}: ")) for place, one in zip(places, told, strict=False)])
    kind, counts = "tags" if plain else "entities", _counts(every, plain)
    rows = [("sentences", f"{len(every):,}"), ("words", f"{sum(map(len, every)):,}"), (kind, _counted(counts))]
    values = {"name": data.data, "sentences": len(every), "words": sum(map(len, every)), kind: dict(counts)}
    first = (" ".join(map("/".join, zip(one.words, one.tags, strict=True))) for one in every)
    return Report(values, (Pairs(rows),), how=(how, *excerpts(first)), event="tagged")


def _counts(sentences: Iterable[Sentence], plain: bool) -> Counter[str]:
    """How often each tag occurs, or each kind of entity."""
    if plain:
        return Counter(tag for one in sentences for tag in one.tags)
    return Counter(found.type for one in sentences for found in entities(one.tags))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(LISTED))

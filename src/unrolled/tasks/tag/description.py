"""``unrolled data`` for the task ``tag``: a summary of tagged sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ...data.columns import PLAIN, Sentence
from ...data.conll_inputs import SUFFIXES
from ...data.named_data import NamedData, named_data
from ...data.tagged import NAMES, Tagged, tagged_names
from ...data.tags import entities
from ...results import Pairs, Report
from ..common.description import LISTED, LONGEST, SHOWN, ambiguous, counted, first_lines, how_read
from ..common.excerpts import excerpts, visible
from .config import TaggedText
from .evaluation import spelled


def named() -> list[NamedData]:
    """Return the named data sets."""
    generated = [NamedData(name, title) for name, title in tagged_names().items() if name not in NAMES]
    published = (
        named_data(name, data.title, [f for f in (data.train, data.test) if f]) for name, data in NAMES.items()
    )
    return [*generated, *published]


def likely(path: Path) -> bool:
    """Return whether ``path`` may be tagged text, by the suffix of the file."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def describe(data: TaggedText) -> Report:
    """See `Task.describe`."""
    return _describe_named(data) if data.data in tagged_names() else _describe_files(data)


def suspicious(sets: Tagged) -> list[str]:
    """Return notes on likely mistakes, such as sentences with several taggings and tags that occur once."""
    parts = {part: [(" ".join(s.words), " ".join(s.tags)) for s in found] for part, found in sets.parts().items()}
    notes = ambiguous(parts, "sentences", "tagging")
    if single := sorted(name for name, count in counts(sets.train, sets.plain).items() if count < 2):
        kinds = "tags" if sets.plain else "entity types"
        notes.append(f"{kinds} that occur once in the training text: {visible(', '.join(single[:LISTED]))}")
    return notes


def _describe_named(data: TaggedText) -> Report:
    tagged = data.read()
    sizes = {part: len(found) for part, found in tagged.parts().items()}
    types = counts(tagged.train, tagged.plain)
    rows = [
        ("set", f"{data.data}: {tagged_names()[data.data]}"),
        *((part, f"{count:,} sentences") for part, count in sizes.items()),
        ("entities", counted(types)),
    ]
    lines = (" ".join(sentence.words)[:LONGEST] for sentence in tagged.train[:SHOWN])
    values = {"name": data.data, "entities": dict(types), **sizes}
    return Report(values, (Pairs(rows), first_lines(lines)), event="tagged")


def _describe_files(data: TaggedText) -> Report:
    """Describe files as a whole, before they are split."""
    source, notes = data.source(), list[str]()
    all_sentences: list[Sentence] = []
    plain = False
    places = [place for place in (data.data, data.valid, data.test) if place is not None]
    for place in places:
        sentences, scheme = source.read_file(place, how=notes)
        plain = plain or scheme == PLAIN
        all_sentences += sentences
    how = how_read([(place, note.removeprefix(f"{place}: ")) for place, note in zip(places, notes, strict=False)])
    kind, found = "tags" if plain else "entities", counts(all_sentences, plain)
    words = sum(map(len, all_sentences))
    rows = [("sentences", f"{len(all_sentences):,}"), ("words", f"{words:,}"), (kind, counted(found))]
    values = {"name": data.data, "sentences": len(all_sentences), "words": words, kind: dict(found)}
    first = map(spelled, all_sentences)
    return Report(values, (Pairs(rows),), how=(how, *excerpts(first)), event="tagged")


def counts(sentences: Iterable[Sentence], plain: bool) -> Counter[str]:
    """Return the counts of each tag, or of each entity type."""
    if plain:
        return Counter(tag for sentence in sentences for tag in sentence.tags)
    return Counter(entity.type for sentence in sentences for entity in entities(sentence.tags))

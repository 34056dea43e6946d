"""Entity tags in the usual schemes, and evaluation of predicted tags.

An entity is a span of words with a type. A tag is ``O`` (outside of entities) or a letter and the type: ``B-person``.

            an entity of 3 words    of 1 word    directly after another of its type
    iob1    I  I  I                 I            B  I  …
    bio     B  I  I                 B            B  I  …          also called IOB2
    iobes   B  I  E                 S            B  E             also BILOU (L E, U S) and BMEWO (M I, W S)

    (1)  entities(tags)     the entities as extracted by the CoNLL evaluation script, for all of these schemes and for
                            inconsistent tags (Tjong Kim Sang and Buchholz 2000, conlleval)
    (2)  spell(entities)    the tags of these entities in a scheme
    (3)  tags are consistent in a scheme  ⟺  spell(entities(tags)) = tags

These functions give conversion between schemes, validation and repair: `spell(entities(tags))`.

    (4)  precision = correct / predicted,   recall = correct / true,   F1 = 2 · correct / (predicted + true)

An entity is correct if first word, last word and type are correct.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Scheme = Literal["iob1", "bio", "iobes", "plain"]

OUTSIDE = "O"
_TAG = re.compile(r"([BIESLUMW])(?:[-_](.+))?")
_SAME = {"L": "E", "U": "S", "W": "S", "M": "I"}  # letters of BILOU and BMEWO → iobes


class Entity(NamedTuple):
    """An entity: words ``start`` to ``stop``, exclusive, and its type."""

    start: int
    stop: int
    type: str


def parse(tag: str) -> tuple[str, str] | None:
    """Split a tag: ``B-person`` → ``("B", "person")``, ``O`` → ``("O", "")``; `None` if it is not of a scheme."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    found = _TAG.fullmatch(tag)
    return (_SAME.get(found[1], found[1]), found[2] or "") if found else None


def entities(tags: Iterable[str]) -> list[Entity]:
    """Return the entities (1); tags that are not of a scheme count as ``O``.

    >>> entities(["B-person", "I-person", "O"])
    [Entity(start=0, stop=2, type='person')]
    """
    found: list[Entity] = []
    before, type_before, start = OUTSIDE, "", 0
    for at, tag in enumerate((*tags, OUTSIDE)):
        letter, type = parse(tag) or (OUTSIDE, "")
        changed = type != type_before
        inside = before != OUTSIDE
        if inside and (before in "ES" or letter in "BSO" or changed):
            found.append(Entity(start, at, type_before))
            inside = False
        if letter != OUTSIDE and not inside:
            start = at
        before, type_before = letter, type
    return found


def spell(found: Iterable[Entity], length: int, scheme: Scheme) -> list[str]:
    """Return the tags (2) of ``length`` words with these entities, which are in order and do not overlap.

    >>> spell([Entity(0, 2, "person")], 3, "iobes")
    ['B-person', 'E-person', 'O']
    """
    tags = [OUTSIDE] * length
    last = Entity(-1, -1, "")
    for entity in found:
        letters = ["I"] * (entity.stop - entity.start)
        if scheme != "iob1" or (last.stop == entity.start and last.type == entity.type):
            letters[0] = "B"
        if scheme == "iobes":
            letters[-1] = "E" if len(letters) > 1 else "S"
        tags[entity.start : entity.stop] = [f"{letter}-{entity.type}" if entity.type else letter for letter in letters]
        last = entity
    return tags


def inconsistent(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Return the indices of words whose tags violate (3)."""
    if scheme == "plain":
        return []
    right = spell(entities(tags), len(tags), scheme)
    return [at for at, (is_, should) in enumerate(zip(tags, right, strict=True)) if parse(is_) != parse(should)]


def detect(sentences: Sequence[Sequence[str]]) -> Scheme:
    """Detect the scheme of tags: plain if at least half of them fit no scheme, else that with the fewest violations."""
    distinct = {tag for tags in sentences for tag in tags} - {OUTSIDE}
    fitting = [found for tag in distinct if (found := parse(tag))]
    if distinct and 2 * len(fitting) <= len(distinct):
        return "plain"
    if {letter for letter, _ in fitting} & set("ES"):
        return "iobes"
    violations = {scheme: sum(len(inconsistent(tags, scheme)) for tags in sentences) for scheme in ("bio", "iob1")}
    return "iob1" if violations["iob1"] < violations["bio"] else "bio"


def convert(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Return the tags of the same entities in another scheme; plain tags are unchanged."""
    return list(tags) if scheme == "plain" else spell(entities(tags), len(tags), scheme)


def follows(before: str, tag: str, scheme: Scheme) -> bool:
    """Whether ``tag`` may follow ``before`` in consistent tags; before and after a sentence is ``O``."""
    if scheme == "plain":
        return True
    (was, was_type), (is_, is_type) = parse(before) or (OUTSIDE, ""), parse(tag) or (OUTSIDE, "")
    continues = was in "BI" and is_ in "IE" and was_type == is_type
    match scheme:
        case "bio":
            return is_ != "I" or continues
        case "iobes":
            return continues or (was in "ESO" and is_ in "BSO")
        case _:
            return is_ != "B" or (was in "BI" and was_type == is_type)


@dataclass
class Count:
    """The counts and scores (4) of one type, or of all types."""

    right: int = 0
    predicted: int = 0
    true: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.predicted + self.true) if self.right else 0.0

    def add(self, right: int, predicted: int, true: int) -> None:
        self.right, self.predicted, self.true = self.right + right, self.predicted + predicted, self.true + true

    def as_json(self) -> dict[str, float]:
        """Return precision, recall, F1 and the number of true entities."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "entities": self.true}


@dataclass
class Scores:
    """The scores (4) over sentences: micro-averaged over types, and by type."""

    all: Count = field(default_factory=Count)
    types: dict[str, Count] = field(default_factory=dict)

    def add(self, true: Sequence[str], predicted: Sequence[str]) -> None:
        """Add the true and the predicted tags of one sentence."""
        found, expected = set(entities(predicted)), set(entities(true))
        for type in {entity.type for entity in found | expected}:
            a, b = ({entity for entity in group if entity.type == type} for group in (found, expected))
            self.types.setdefault(type, Count()).add(len(a & b), len(a), len(b))
            self.all.add(len(a & b), len(a), len(b))

"""Tags of words that mark entities, in the usual schemes, and the score of one tagging against another.

An entity is a stretch of words with a type. A tag is ``O`` (in no entity) or a letter and the type, as ``B-person``:

            an entity of 3 words    of 1 word    directly after another of its type
    iob1    I  I  I                 I            B  I  …
    bio     B  I  I                 B            B  I  …          also called IOB2
    iobes   B  I  E                 S            B  E             also BILOU (L E, U S) and BMEWO (M I, W S)

    (1)  entities(tags)     the stretches as the CoNLL script finds them, in any of these schemes, also in tags that
                            break their rules (Tjong Kim Sang and Buchholz 2000, conlleval)
    (2)  spell(entities)    the tags of these entities in a scheme
    (3)  tags are consistent in a scheme  ⟺  spell(entities(tags)) = tags

From (1) to (3) follow the conversion between schemes, the check, and the repair: `spell(entities(tags))`.

    (4)  precision = right / predicted,   recall = right / true,   F1 = 2 · right / (predicted + true)

where an entity is right if its first word, last word and type are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Scheme = Literal["iob1", "bio", "iobes", "plain"]

OUTSIDE = "O"
_TAG = re.compile(r"([BIESLUMW])(?:[-_](.+))?")
_SAME = {"L": "E", "U": "S", "W": "S", "M": "I"}  # what other dialects of iobes call its letters


class Entity(NamedTuple):
    """The words ``start`` to ``stop`` (without the last) and what they are."""

    start: int
    stop: int
    type: str


def parse(tag: str) -> tuple[str, str] | None:
    """``("B", "person")`` of ``B-person``; of ``O``, ``("O", "")``; `None` if this is no tag of a scheme."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    found = _TAG.fullmatch(tag)
    return (_SAME.get(found[1], found[1]), found[2] or "") if found else None


def entities(tags: Iterable[str]) -> list[Entity]:
    """(1); a tag of no scheme counts as ``O``."""
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
    """(2): the tags of ``length`` words with these entities, which stand in order and do not overlap."""
    tags = [OUTSIDE] * length
    last = Entity(-1, -1, "")
    for one in found:
        letters = ["I"] * (one.stop - one.start)
        if scheme != "iob1" or (last.stop == one.start and last.type == one.type):
            letters[0] = "B"
        if scheme == "iobes":
            letters[-1] = "E" if len(letters) > 1 else "S"
        tags[one.start : one.stop] = [f"{letter}-{one.type}" if one.type else letter for letter in letters]
        last = one
    return tags


def inconsistent(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """The words whose tags break (3)."""
    if scheme == "plain":
        return []
    right = spell(entities(tags), len(tags), scheme)
    return [at for at, (is_, should) in enumerate(zip(tags, right, strict=True)) if parse(is_) != parse(should)]


def detect(sentences: Sequence[Sequence[str]]) -> Scheme:
    """The scheme of these tags: plain if half of them or more fit none; else the one that the fewest words break."""
    every = {tag for tags in sentences for tag in tags} - {OUTSIDE}
    fitting = [found for tag in every if (found := parse(tag))]
    if every and 2 * len(fitting) <= len(every):
        return "plain"
    if {letter for letter, _ in fitting} & set("ES"):
        return "iobes"
    broken = {scheme: sum(len(inconsistent(tags, scheme)) for tags in sentences) for scheme in ("bio", "iob1")}
    return "iob1" if broken["iob1"] < broken["bio"] else "bio"


def convert(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """The same entities in another scheme; of plain tags, the tags."""
    return list(tags) if scheme == "plain" else spell(entities(tags), len(tags), scheme)


def follows(before: str, tag: str, scheme: Scheme) -> bool:
    """Whether ``tag`` may stand after ``before`` in a consistent tagging; a sentence's edges are ``O``."""
    if scheme == "plain":
        return True
    (was, was_type), (is_, is_type) = parse(before) or (OUTSIDE, ""), parse(tag) or (OUTSIDE, "")
    goes_on = was in "BI" and is_ in "IE" and was_type == is_type
    match scheme:
        case "bio":
            return is_ != "I" or goes_on
        case "iobes":
            return goes_on or (was in "ESO" and is_ in "BSO")
        case _:
            return is_ != "B" or (was in "BI" and was_type == is_type)


@dataclass
class Count:
    """(4) of one type, or of all."""

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
        """The three figures, and of how many entities."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "entities": self.true}


@dataclass
class Scores:
    """(4) over sentences, of all types together and of each."""

    all: Count = field(default_factory=Count)
    types: dict[str, Count] = field(default_factory=dict)

    def add(self, true: Sequence[str], predicted: Sequence[str]) -> None:
        """Count one sentence: its tags, and those that were predicted for it."""
        ours, theirs = set(entities(predicted)), set(entities(true))
        for type in {one.type for one in ours | theirs}:
            a, b = ({one for one in found if one.type == type} for found in (ours, theirs))
            self.types.setdefault(type, Count()).add(len(a & b), len(a), len(b))
            self.all.add(len(a & b), len(a), len(b))

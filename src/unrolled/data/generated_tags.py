"""Generated sentences from a small grammar, tagged with persons, places, organisations and dates.

Words alone do not determine the tags. *Teddy* starts "Teddy bears are on sale" and "Teddy Roosevelt was a great
president"; *Lincoln* is a town in "they moved to Lincoln" and a person in "a speech by Lincoln"; *Ford* is an
organisation or a person, depending on the pronoun *it* or *he* that follows; *May* is a person or a month. Right
context is needed as often as left context.

Most names, things and phrases of the validation and test parts do not occur in the training part (`_part`), so a high
score requires generalization; ambiguous words occur in all parts. Sentence n of a part is a pure function of the seed,
the part and n.

In the grammar, ``{name}`` is replaced with a random item of the list ``name``, and ``[…|type]`` marks an entity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from .columns import Sentence
from .conll_words import word_spans
from .counter import uniform
from .grammar import GRAMMAR, SHARED, THINGS
from .tags import Entity, spell

SIZES = (4000, 500, 1000)  # sentences of each part
_DRAWS = 64  # random numbers per sentence, more than any sentence needs
_SLOT = re.compile(r"\{(\w+)\}")
_BEGIN = re.compile(r"(^|')\[?[a-z]")  # the first letter of a sentence, also of a quoted one
_MARK = re.compile(r"\[([^\[\]|]*)\|(\w+)\]")


def generate(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[list[Sentence], list[Sentence], list[Sentence]]:
    """Generate training, validation and test sentences with tags in the scheme bio."""
    train, valid, test = ([sentence(seed, part, n) for n in range(sizes[part])] for part in range(3))
    return train, valid, test


def sentence(seed: int, part: int, number: int) -> Sentence:
    """Generate sentence ``number`` of a part (0: training, 1: validation, 2: test)."""
    text = _expand("{sentence}", part, iter(uniform(seed, part, number, np.arange(_DRAWS)).tolist()))
    plain, found = _unmark(_BEGIN.sub(lambda begin: begin[0].upper(), text))
    places = word_spans(plain)
    entities = []
    for begin, end, type in found:
        inside = [at for at, (a, b) in enumerate(places) if begin <= a and b <= end]
        entities.append(Entity(inside[0], inside[-1] + 1, type))
    words = tuple(plain[a:b] for a, b in places)
    return Sentence(words, tuple(spell(entities, len(words), "bio")), line=number + 1)


def choices(name: str, part: int) -> list[str]:
    """Return the items of the list ``name`` for a part: all items of a shared list, or the share of the part."""
    items = GRAMMAR[name]
    return items if name in SHARED else [item for index, item in enumerate(items) if _part(index) == part]


def _part(at: int) -> int:
    """Return the part of an item: of every five items, three are for training, one for validation, one for test."""
    return (0, 0, 1, 0, 2)[at % 5]


def _expand(text: str, part: int, draws: Iterator[float]) -> str:
    while found := _SLOT.search(text):
        name = found[1]
        if name == "thing":  # an ambiguous word and a frequent continuation: Teddy bears
            word = _pick(list(THINGS), draws)
            drawn = f"{word} {_pick([item for index, item in enumerate(THINGS[word]) if _part(index) == part], draws)}"
        else:
            drawn = _pick(choices(name, part), draws)
        text = text[: found.start()] + drawn + text[found.end() :]
    return text


def _pick(items: list[str], draws: Iterator[float]) -> str:
    return items[int(next(draws) * len(items))]


def _unmark(text: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text without entity marks, and (begin, end, type) of each entity."""
    plain, found, at = "", [], 0
    for mark in _MARK.finditer(text):
        plain += text[at : mark.start()]
        found.append((len(plain), len(plain) + len(mark[1]), mark[2]))
        plain += mark[1]
        at = mark.end()
    return plain + text[at:], found

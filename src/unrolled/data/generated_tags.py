"""Sentences from a small grammar, with persons, places, organisations and dates marked: tagged text without a file.

The grammar is made so that words alone do not tell. *Teddy* begins "Teddy bears are on sale" and "Teddy Roosevelt was
a great president"; *Lincoln* is a town in "they moved to Lincoln" and a person in "a speech by Lincoln"; *Ford* says
what *it* or what *he* will do; *May* is asked for advice or is when the fair opens. What stands after a word decides
as often as what stands before it.

Names, things and phrases of the validation and test parts do not occur in the training part (`_part`), so a good score
is not remembered. The words that mean several things do: they are what is to be learned. Sentence number n of a part is
a pure function of the seed, the part and n.

In the grammar ``{name}`` draws from the list of that name, and ``[…|type]`` marks an entity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from .columns import Sentence
from .conll_words import words_of
from .counter import uniform
from .grammar import GRAMMAR, SHARED, THINGS
from .tags import Entity, spell

SIZES = (4000, 500, 1000)  # sentences of each part
_DRAWS = 64  # random numbers for one sentence, more than any needs
_SLOT = re.compile(r"\{(\w+)\}")
_BEGIN = re.compile(r"(^|')\[?[a-z]")  # the first letter of a sentence, also of a quoted one
_MARK = re.compile(r"\[([^\[\]|]*)\|(\w+)\]")


def generate(seed: int = 0, sizes: Sequence[int] = SIZES) -> tuple[list[Sentence], list[Sentence], list[Sentence]]:
    """Training, validation and test sentences, tags in the scheme bio."""
    train, valid, test = ([sentence(seed, part, n) for n in range(sizes[part])] for part in range(3))
    return train, valid, test


def sentence(seed: int, part: int, number: int) -> Sentence:
    """One sentence of a part (0, 1, 2: training, validation, test)."""
    text = _expand("{sentence}", part, iter(uniform(seed, part, number, np.arange(_DRAWS)).tolist()))
    plain, found = _unmark(_BEGIN.sub(lambda begin: begin[0].upper(), text))
    places = words_of(plain)
    entities = []
    for begin, end, type in found:
        inside = [at for at, (a, b) in enumerate(places) if begin <= a and b <= end]
        entities.append(Entity(inside[0], inside[-1] + 1, type))
    words = tuple(plain[a:b] for a, b in places)
    return Sentence(words, tuple(spell(entities, len(words), "bio")), line=number + 1)


def choices(name: str, part: int) -> list[str]:
    """What ``{name}`` may become in a part: all there is in a shared list, else this part's share."""
    every = GRAMMAR[name]
    return every if name in SHARED else [one for at, one in enumerate(every) if _part(at) == part]


def _part(at: int) -> int:
    """Of five entries three are for training, one for validation and one for the test."""
    return (0, 0, 1, 0, 2)[at % 5]


def _expand(text: str, part: int, draws: Iterator[float]) -> str:
    while found := _SLOT.search(text):
        name = found[1]
        if name == "thing":  # an ambiguous word and what it often comes with: Teddy bears
            word = _pick(list(THINGS), draws)
            drawn = f"{word} {_pick([one for at, one in enumerate(THINGS[word]) if _part(at) == part], draws)}"
        else:
            drawn = _pick(choices(name, part), draws)
        text = text[: found.start()] + drawn + text[found.end() :]
    return text


def _pick(from_: list[str], draws: Iterator[float]) -> str:
    return from_[int(next(draws) * len(from_))]


def _unmark(text: str) -> tuple[str, list[tuple[int, int, str]]]:
    """The text without marks, and (begin, end, type) of each."""
    plain, found, at = "", [], 0
    for mark in _MARK.finditer(text):
        plain += text[at : mark.start()]
        found.append((len(plain), len(plain) + len(mark[1]), mark[2]))
        plain += mark[1]
        at = mark.end()
    return plain + text[at:], found

"""The problems of the task ``memory`` by name."""

from __future__ import annotations

from typing import Literal, NamedTuple

from .episodes import Episodes
from .generated_copies import Copies, Recall
from .generated_sums import Sums

Name = Literal["adding", "copy", "repeat-copy", "recall"]


class Meaning(NamedTuple):
    """What a problem is, and what its length counts."""

    title: str
    length: int  # the default
    least: int


PROBLEMS: dict[str, Meaning] = {
    "adding": Meaning("two marked ones of many numbers are to be added; length: numbers", 100, 2),
    "copy": Meaning("vectors of eight bits are to be said again; length: vectors at most", 10, 1),
    "repeat-copy": Meaning("the same several times; length: vectors at most", 5, 1),
    "recall": Meaning("ten symbols are to be said again after a while; length: steps between", 50, 1),
}


def generated(name: str, length: int, shortest: int, repeats: int, seed: int) -> Episodes:
    """The episodes of a problem that is made up."""
    match name:
        case "adding":
            return Sums(length, seed)
        case "recall":
            return Recall(length, seed)
        case "copy":
            return Copies(length, seed, shortest)
        case _:
            return Copies(length, seed, shortest, repeats)

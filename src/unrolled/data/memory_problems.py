"""The problems of the task ``memory`` by name."""

from __future__ import annotations

from typing import Literal, NamedTuple

from .digits import SIDE, Digits, Scanned, made_up, mnist
from .episodes import Episodes
from .generated_copies import Copies, Recall
from .generated_sums import Sums

Name = Literal["adding", "copy", "repeat-copy", "recall", "mnist-rows", "mnist-pixels", "mnist-permuted", "digits"]

SEQUENCES = {"valid": 1_000, "test": 10_000}  # of a problem that is made up
_SEEDS = {"valid": -1, "test": -2}  # no training has them


class Meaning(NamedTuple):
    """What a problem is, and what its length counts."""

    title: str
    length: int | None = None
    """the default; `None`: its sequences have one length"""
    least: int = 1


PROBLEMS: dict[str, Meaning] = {
    "adding": Meaning("two marked ones of many numbers are to be added; length: numbers", 100, 2),
    "copy": Meaning("vectors of eight bits are to be said again; length: vectors at most", 10),
    "repeat-copy": Meaning("the same several times; length: vectors at most", 5),
    "recall": Meaning("symbols are to be said again after a while; length: steps between", 50),
    "mnist-rows": Meaning("which digit? handwritten, row by row"),
    "mnist-pixels": Meaning("which digit? handwritten, pixel by pixel"),
    "mnist-permuted": Meaning("which digit? handwritten, pixel by pixel in a random order"),
    "digits": Meaning("which digit? made up, row by row; needs no files"),
}


def generated(name: str, length: int, shortest: int, repeats: int, symbols: int, part: str, seed: int) -> Episodes:
    """The sequences of a problem that is made up; ``seed`` decides those for training."""
    seed = _SEEDS.get(part, seed)
    match name:
        case "adding":
            return Sums(length, seed)
        case "recall":
            return Recall(length, seed, symbols)
        case "copy":
            return Copies(length, seed, shortest)
        case _:
            return Copies(length, seed, shortest, repeats)


def pictures(name: str, part: str, batch_size: int, seed: int) -> Scanned:
    """The pictures of a part as sequences; ``seed`` decides the order of those for training."""
    digits: Digits = made_up(part) if name == "digits" else mnist(part)
    steps = SIDE if name in ("mnist-rows", "digits") else SIDE * SIDE
    train = part == "train"
    lanes = batch_size if train else len(digits.labels)
    return Scanned(digits, steps, name == "mnist-permuted", lanes, seed if train else None)

"""The problems of the task ``memory``: benchmarks of long-term dependencies."""

from __future__ import annotations

from typing import Literal, NamedTuple

from .digits import SIDE, Digits, DigitSequences, mnist, synthetic_digits
from .episodes import Episodes
from .generated_copies import Copies, Recall
from .generated_sums import Sums

Name = Literal["adding", "copy", "repeat-copy", "recall", "mnist-rows", "mnist-pixels", "mnist-permuted", "digits"]

SEQUENCES = {"valid": 1_000, "test": 10_000}  # generated sequences per split
_SEEDS = {"valid": -1, "test": -2}  # training seeds are not negative


class Problem(NamedTuple):
    """The title of a problem, and its length."""

    title: str
    length: int | None = None
    """the default length; `None`: fixed length"""
    least: int = 1


PROBLEMS: dict[str, Problem] = {
    "adding": Problem("add two marked numbers of a sequence; length: numbers", 100, 2),
    "copy": Problem("reproduce a sequence of 8-bit vectors; length: maximum number of vectors", 10),
    "repeat-copy": Problem("reproduce a sequence several times; length: maximum number of vectors", 5),
    "recall": Problem("reproduce symbols after a delay; length: steps of delay", 50),
    "mnist-rows": Problem("classify handwritten digits, row by row"),
    "mnist-pixels": Problem("classify handwritten digits, pixel by pixel"),
    "mnist-permuted": Problem("classify handwritten digits, pixel by pixel in a random order"),
    "digits": Problem("classify synthetic digits, row by row; needs no files"),
}


def generated(name: str, length: int, shortest: int, repeats: int, symbols: int, part: str, seed: int) -> Episodes:
    """Return a generated problem; ``seed`` is used for the training split only."""
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


def pictures(name: str, part: str, batch_size: int, seed: int) -> DigitSequences:
    """Return a split of an image problem; ``seed`` is that of the order of the training split."""
    digits: Digits = synthetic_digits(part) if name == "digits" else mnist(part)
    steps = SIDE if name in ("mnist-rows", "digits") else SIDE * SIDE
    train = part == "train"
    lanes = batch_size if train else len(digits.labels)
    return DigitSequences(digits, steps, name == "mnist-permuted", lanes, seed if train else None)

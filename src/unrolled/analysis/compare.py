"""Two language models, or two checkpoints of one, over the same text: what one predicts better than the other.

δ_t = log p_b(x_{t+1} | x_1 … x_t) − log p_a(x_{t+1} | x_1 … x_t)          above 0: b is the better          (1)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import State, check_size
from ..data import Split, sequential
from .reading import (
    WARMUP,
    Classes,
    LanguageModelHandle,
    as_split,
    check_alike,
    class_table,
    kind_of_symbol,
    log_probabilities,
    snippet,
)

# N predictions, C classes, T steps, B lanes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A symbol that one model predicts much better: its position, (1), and the text around it."""

    position: int
    difference: float
    before: str
    symbol: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """(1), in nats.

    Attributes:
        differences: ``(N,)`` float32; ``differences[n]`` is that of symbol n + 1 of the text.
        classes: of the predicted symbols.
        counts: ``(C,)`` predictions of each class.
        sums: ``(C,)`` of the differences of each class; over all of them, what b saves on the whole text.
        gained: where b is better by most, first the most.
        lost: where a is.
    """

    differences: npt.NDArray[np.float32]
    classes: list[str]
    counts: npt.NDArray[np.int64]
    sums: Floats
    gained: list[Place]
    lost: list[Place]

    @property
    def mean(self) -> float:
        """Per symbol: the loss of a minus that of b."""
        return float(self.sums.sum() / self.counts.sum())

    def as_json(self, positions: bool = False) -> dict[str, Any]:
        """Plain data; with ``positions`` every difference too."""
        rows = zip(self.classes, self.counts.tolist(), self.sums.tolist(), strict=True)
        found = {
            "mean": self.mean,
            "classes": [{"class": name, "count": count, "sum": total} for name, count, total in rows],
            "gained": [vars(one) for one in self.gained],
            "lost": [vars(one) for one in self.lost],
        }
        return {**found, "differences": self.differences.tolist()} if positions else found


def compare(
    a: LanguageModelHandle,
    b: LanguageModelHandle,
    text: str | Split,
    *,
    classes: Classes = kind_of_symbol,
    most: int = 20,
    window: int = 256,
    lanes: int = 1,
) -> Comparison:
    """Where b predicts a text better than a, and where worse.

    Args:
        a, b: language models of any kind with the same vocabulary.
        text: what both are to predict.
        classes: of symbols, by which differences are summed.
        most: places listed either way.
        window: steps at once; does not change the result.
        lanes: parts of the text read side by side, faster; each is warmed up on the symbols before it.

    Raises:
        ArgumentError: the vocabularies differ.
    """
    check_size("most", most)
    check_alike(a, b)
    split = as_split(a, text)
    names, table = class_table(a.vocabulary, classes)
    sums, counts = np.zeros(len(names)), np.zeros(len(names), dtype=np.int64)
    predicted = len(split) - 1
    differences = np.zeros(predicted, dtype=np.float32)
    reached = _lane_ends(predicted, lanes)
    state_a: State = None
    state_b: State = None
    for part in sequential(split, window, lanes, warmup=WARMUP):
        of_a, state_a = log_probabilities(a.model, part, state_a)
        of_b, state_b = log_probabilities(b.model, part, state_b)
        delta, counted = (of_b - of_a).numpy(), part.counted.numpy()  # (T, B)
        of_class = table[part.targets.numpy()[counted]]
        counts += np.bincount(of_class, minlength=len(names))
        sums += np.bincount(of_class, delta[counted], minlength=len(names))
        for lane in range(delta.shape[1]):
            some = delta[counted[:, lane], lane]
            differences[reached[lane] : reached[lane] + len(some)] = some
            reached[lane] += len(some)

    def places(sign: int) -> list[Place]:
        best = np.argsort(-sign * differences, kind="stable")[:most]
        best = best[sign * differences[best] > 0]
        return [Place(n + 1, float(differences[n]), *snippet(a, split, n + 1, n + 2)) for n in best.tolist()]

    return Comparison(differences, names, counts, sums, places(1), places(-1))


def _lane_ends(predicted: int, lanes: int) -> list[int]:
    """The first prediction of each lane of `sequential`."""
    share = -(-predicted // min(lanes, predicted))
    return list(range(0, predicted, share))

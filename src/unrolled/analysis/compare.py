"""Two language models, or two checkpoints of one, over the same text: what one predicts better, and which units of one
are units of the other.

    δ_t  = log p_b(x_{t+1} | x_1 … x_t) − log p_a(x_{t+1} | x_1 … x_t)          above 0: b is the better          (1)
    r_ij = Σ_t (a_i − ā_i)(b_j − b̄_j) / √(Σ_t (a_i − ā_i)² · Σ_t (b_j − b̄_j)²)    of units i of a, j of b        (2)

Of (2) nothing is kept but its sums, about the means of the first window; a unit that never changes is correlated with
none. Li, Yosinski, Clune, Lipson and Hopcroft 2016 match the units of two networks in this way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import State, check_size
from ..data import Split, sequential
from ..errors import ArgumentError
from .reading import (
    WARMUP,
    Classes,
    LanguageModelHandle,
    as_split,
    class_table,
    kind_of_symbol,
    log_probabilities,
    snippet,
    states,
)

# N predictions, C classes, T steps, A units of a, B of b

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
    _check_alike(a, b)
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


@dataclass(frozen=True)
class UnitMatching:
    """(2): ``correlation (A, B)``."""

    correlation: Floats

    def best(self) -> npt.NDArray[np.int64]:
        """``(A,)``: the unit of b with the largest |r| for each unit of a; −1 for one that never changes."""
        strength = np.abs(self.correlation)
        return np.where(strength.max(1) > 0, strength.argmax(1), -1)

    def strength(self) -> Floats:
        """``(A,)``: that r, with its sign; near ±1: b has the same unit."""
        return self.correlation[np.arange(len(self.correlation)), self.best()]

    def as_json(self) -> dict[str, Any]:
        """Plain data: each unit's partner."""
        partners = zip(self.best().tolist(), self.strength().tolist(), strict=True)
        return {"units": [{"unit": unit, "best": j, "correlation": r} for unit, (j, r) in enumerate(partners)]}


def match_units(
    a: LanguageModelHandle,
    b: LanguageModelHandle,
    text: str | Split,
    *,
    layer: int = -1,
    other_layer: int | None = None,
    leaf: str = "h",
    other_leaf: str | None = None,
    window: int = 1024,
) -> UnitMatching:
    """Which unit of b does what each unit of a does, over a text that both read.

    Args:
        a, b: language models with recurrent layers and the same vocabulary.
        text: read by both from its beginning.
        layer: of a; −1 is the last.
        other_layer: of b; `None`: the same.
        leaf: of a's state.
        other_leaf: of b's; `None`: the same.
        window: steps at once.

    Raises:
        ArgumentError: the vocabularies differ, or no such layer or leaf.
    """
    _check_alike(a, b)
    split = as_split(a, text)
    of_a = states(a, split, layer, leaf=leaf, window=window)
    of_b = states(b, split, layer if other_layer is None else other_layer, leaf=other_leaf or leaf, window=window)
    sums: Moments | None = None
    for (_, x), (_, y) in zip(of_a, of_b, strict=True):
        if sums is None:
            sums = Moments(x, y)
        sums.add(x, y)
    assert sums is not None
    return UnitMatching(sums.correlation())


class Moments:
    """Sums from which (2) follows, in float64, about the means of the first values: ``x (T, A)``, ``y (T, B)``."""

    def __init__(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> None:
        self.near = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
        self.count = 0
        A, B = x.shape[1], y.shape[1]
        self.x, self.y, self.xx, self.yy, self.xy = (np.zeros(n) for n in (A, B, A, B, (A, B)))

    def add(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> None:
        """Values of the same steps."""
        p, q = x - self.near[0], y - self.near[1]
        self.count += len(p)
        self.x += p.sum(0)
        self.y += q.sum(0)
        self.xx += (p * p).sum(0)
        self.yy += (q * q).sum(0)
        self.xy += p.T @ q

    def correlation(self) -> Floats:
        """``(A, B)``; 0 for a unit that does not change."""
        n = self.count
        of_x, of_y = self.xx - self.x**2 / n, self.yy - self.y**2 / n
        scale = np.sqrt(np.outer(of_x, of_y).clip(0))
        changes = np.outer(of_x > 1e-12 * n, of_y > 1e-12 * n)  # a standard deviation of a millionth is rounding
        found = np.zeros_like(scale)
        np.divide(self.xy - np.outer(self.x, self.y) / n, scale, out=found, where=changes)
        return found.clip(-1, 1)


def _lane_ends(predicted: int, lanes: int) -> list[int]:
    """The first prediction of each lane of `sequential`."""
    share = -(-predicted // min(lanes, predicted))
    return list(range(0, predicted, share))


def _check_alike(a: LanguageModelHandle, b: LanguageModelHandle) -> None:
    if a.vocabulary.to_json() != b.vocabulary.to_json():
        sizes = f"{len(a.vocabulary)} and {len(b.vocabulary)} {b.vocabulary.kind} symbols"
        raise ArgumentError("a, b", "models with the same vocabulary", sizes, "train both on the same data")

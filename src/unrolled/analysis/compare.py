"""Two language models, or two checkpoints of one, over the same text: what one predicts better than the other.

δ_t = log p_b(x_{t+1} | x_1 … x_t) − log p_a(x_{t+1} | x_1 … x_t)          above 0: b is the better          (1)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import State, check_size
from ..checks import Size, checked
from ..data import Split
from .text_windows import (
    Classes,
    LanguageModelHandle,
    Progress,
    as_split,
    check_alike,
    classed,
    kind_of_symbol,
    log_probabilities,
    placed,
    snippet,
)

# N predictions, C classes, T steps, B lanes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A symbol that one model predicts much better: its position, (1), p of a and of b, and the text around it."""

    position: int
    difference: float
    p_a: float
    p_b: float
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
        losses: ``(C,)`` of a: the sum of −log p_a over each class; b's is that minus ``sums``.
        gained: where b is better by most, first the most.
        lost: where a is.
    """

    differences: npt.NDArray[np.float32]
    classes: list[str]
    counts: npt.NDArray[np.int64]
    sums: Floats
    losses: Floats
    gained: list[Place]
    lost: list[Place]

    @property
    def mean(self) -> float:
        """Per symbol: the loss of a minus that of b."""
        return float(self.sums.sum() / self.counts.sum())

    def as_json(self, positions: bool = False) -> dict[str, Any]:
        """Plain data; with ``positions`` every difference too."""
        rows = zip(self.classes, self.counts.tolist(), self.sums.tolist(), self.losses.tolist(), strict=True)
        found = {
            "mean": self.mean,
            "classes": [{"class": name, "count": n, "sum": total, "loss_a": loss} for name, n, total, loss in rows],
            "gained": [vars(one) for one in self.gained],
            "lost": [vars(one) for one in self.lost],
        }
        return {**found, "differences": self.differences.tolist()} if positions else found


@checked
def compare(
    a: LanguageModelHandle,
    b: LanguageModelHandle,
    text: str | Split,
    *,
    classes: Classes = kind_of_symbol,
    most: Size = 20,
    window: Size = 256,
    lanes: Size = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Where b predicts a text better than a, and where worse.

    Args:
        a: a language model of any kind.
        b: another with the same vocabulary.
        text: what both are to predict.
        classes: of symbols, by which differences are summed.
        most: places listed either way.
        window: steps at once; does not change the result.
        lanes: parts of the text read side by side, faster; each is warmed up on the symbols before it.
        progress: told how many symbols both have predicted.

    Raises:
        ArgumentError: the vocabularies differ.
    """
    check_size("most", most)
    check_alike(a, b)
    split = as_split(a, text)
    names, numbers = classed(a, split, classes)
    predicted, done = len(split) - 1, 0
    differences, log_p = np.zeros((2, predicted), dtype=np.float32)
    state_a: State = None
    state_b: State = None
    for part, positions in placed(split, window, lanes):
        of_a, state_a = log_probabilities(a.model, part, state_a)
        of_b, state_b = log_probabilities(b.model, part, state_b)
        counted = part.counted.numpy()  # (T, B)
        at = positions[counted]
        differences[at] = (of_b - of_a).numpy()[counted]
        log_p[at] = of_a.numpy()[counted]
        done += len(at)
        if progress is not None:
            progress(done)
    counts = np.bincount(numbers[1:], minlength=len(names))
    sums = np.bincount(numbers[1:], differences, minlength=len(names)).astype(np.float64)
    losses = -np.bincount(numbers[1:], log_p, minlength=len(names)).astype(np.float64)

    def places(sign: int) -> list[Place]:
        best = np.argsort(-sign * differences, kind="stable")[:most]
        best = best[sign * differences[best] > 0]
        p_a, p_b = np.exp(log_p.astype(np.float64)), np.exp(log_p + differences.astype(np.float64))
        return [
            Place(n + 1, float(differences[n]), float(p_a[n]), float(p_b[n]), *snippet(a, split, n + 1, n + 2))
            for n in best.tolist()
        ]

    return Comparison(differences, names, counts, sums, losses, places(1), places(-1))

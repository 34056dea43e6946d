"""Comparison of two language models, or two checkpoints of one, on the same text, token by token.

δ_t = log p_b(x_{t+1} | x_1 … x_t) − log p_a(x_{t+1} | x_1 … x_t)          above 0: b is better              (1)
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
    check_same_vocabulary,
    class_numbers,
    log_probabilities,
    snippet,
    token_kind,
    windows_with_positions,
)

# N predictions, C classes, T steps, B lanes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A token that one model predicts better: its position, (1), the probabilities under a and b, and its context."""

    position: int
    difference: float
    p_a: float
    p_b: float
    before: str
    symbol: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """The differences (1), in nats.

    Attributes:
        differences: ``(N,)`` float32; ``differences[n]`` is that of token n + 1 of the text.
        classes: names of the C classes of predicted tokens.
        counts: ``(C,)``, predictions of each class.
        sums: ``(C,)``, sum of the differences of each class.
        losses: ``(C,)``, sum of −log p_a over each class; that of b is ``losses − sums``.
        gained: tokens that b predicts better, largest difference first.
        lost: tokens that a predicts better, largest difference first.
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
        """The loss of a minus the loss of b, per token."""
        return float(self.sums.sum() / self.counts.sum())

    def as_json(self, positions: bool = False) -> dict[str, Any]:
        """Return JSON data; with ``positions``, also every difference."""
        rows = zip(self.classes, self.counts.tolist(), self.sums.tolist(), self.losses.tolist(), strict=True)
        values = {
            "mean": self.mean,
            "classes": [{"class": name, "count": n, "sum": total, "loss_a": loss} for name, n, total, loss in rows],
            "gained": [vars(place) for place in self.gained],
            "lost": [vars(place) for place in self.lost],
        }
        return {**values, "differences": self.differences.tolist()} if positions else values


@checked
def compare(
    a: LanguageModelHandle,
    b: LanguageModelHandle,
    text: str | Split,
    *,
    classes: Classes = token_kind,
    most: Size = 20,
    window: Size = 256,
    lanes: Size = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare the predictions of b with those of a on a text.

    Args:
        a: a language model of any kind.
        b: another language model with the same vocabulary.
        text: the text to predict.
        classes: the class of each predicted token, used to group differences; see `Classes`.
        most: maximum tokens listed in ``gained`` and in ``lost``.
        window: steps at once; does not change the result.
        lanes: segments of the text read in parallel, each after a warm-up; faster than 1, which is exact.
        progress: called with the number of tokens predicted so far.

    Raises:
        ArgumentError: the vocabularies differ.
    """
    check_size("most", most)
    check_same_vocabulary(a, b)
    split = as_split(a, text)
    names, numbers = class_numbers(a, split, classes)
    predicted, done = len(split) - 1, 0
    differences, log_p = np.zeros((2, predicted), dtype=np.float32)
    state_a: State = None
    state_b: State = None
    for part, positions in windows_with_positions(split, window, lanes):
        log_p_a, state_a = log_probabilities(a.model, part, state_a)
        log_p_b, state_b = log_probabilities(b.model, part, state_b)
        counted = part.counted.numpy()  # (T, B)
        at = positions[counted]
        differences[at] = (log_p_b - log_p_a).numpy()[counted]
        log_p[at] = log_p_a.numpy()[counted]
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

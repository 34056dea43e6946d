"""Which units of one language model are units of another, or of another checkpoint of it.

    r_ij = Σ_t (a_i − ā_i)(b_j − b̄_j) / √(Σ_t (a_i − ā_i)² · Σ_t (b_j − b̄_j)²)    of units i of a, j of b        (1)

Nothing is kept but the sums, about the means of the first window; a unit that never changes is correlated with none.
Li, Yosinski, Clune, Lipson and Hopcroft 2016 match the units of two networks in this way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import Size, checked
from ..data import Split
from .text_windows import LanguageModelHandle, Progress, as_split, check_alike, states

# T steps, A units of a, B of b

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class UnitMatching:
    """(1): ``correlation (A, B)``."""

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


@checked
def match_units(
    a: LanguageModelHandle,
    b: LanguageModelHandle,
    text: str | Split,
    *,
    layer: int = -1,
    other_layer: int | None = None,
    leaf: str = "h",
    other_leaf: str | None = None,
    window: Size = 1024,
    progress: Progress | None = None,
) -> UnitMatching:
    """Which unit of b does what each unit of a does, over a text that both read.

    Args:
        a: a language model with recurrent layers.
        b: another with the same vocabulary.
        text: read by both from its beginning.
        layer: of a; −1 is the last.
        other_layer: of b; `None`: the same.
        leaf: of a's state.
        other_leaf: of b's; `None`: the same.
        window: steps at once.
        progress: told how many symbols a has read.

    Raises:
        ArgumentError: the vocabularies differ, or no such layer or leaf.
    """
    check_alike(a, b)
    split = as_split(a, text)
    of_a = states(a, split, layer, leaf=leaf, window=window, progress=progress)
    of_b = states(b, split, layer if other_layer is None else other_layer, leaf=other_leaf or leaf, window=window)
    sums: Moments | None = None
    for (_, x), (_, y) in zip(of_a, of_b, strict=True):
        if sums is None:
            sums = Moments(x, y)
        sums.add(x, y)
    assert sums is not None
    return UnitMatching(sums.correlation())


class Moments:
    """Sums from which (1) follows, in float64, about the means of the first values: ``x (T, A)``, ``y (T, B)``."""

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

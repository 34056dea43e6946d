"""Matching of the units of two language models, or of two checkpoints of one, by correlation.

    r_ij = Σ_t (a_i − ā_i)(b_j − b̄_j) / √(Σ_t (a_i − ā_i)² · Σ_t (b_j − b̄_j)²)    unit i of a, unit j of b       (1)

Only sums are stored, centred at the means of the first window. The correlations of a constant unit are 0. Method of Li,
Yosinski, Clune, Lipson and Hopcroft 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks import Size, checked
from ..data import Split
from .text_windows import LanguageModelHandle, Progress, as_split, check_same_vocabulary, states

# T steps, A units of a, B of b

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class UnitMatching:
    """The correlations (1), ``correlation (A, B)``."""

    correlation: Floats

    def best(self) -> npt.NDArray[np.int64]:
        """Return ``(A,)``: the unit of b with the largest |r| for each unit of a; −1 for a constant unit."""
        strength = np.abs(self.correlation)
        return np.where(strength.max(1) > 0, strength.argmax(1), -1)

    def strength(self) -> Floats:
        """Return ``(A,)``: the signed r of the best match; close to ±1 if b has the same unit."""
        return self.correlation[np.arange(len(self.correlation)), self.best()]

    def as_json(self) -> dict[str, Any]:
        """Return JSON data: the best match of each unit."""
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
    """Correlate the units of two models over a text.

    Args:
        a: a language model with recurrent layers.
        b: another language model with recurrent layers and the same vocabulary.
        text: the text, read by both from its beginning.
        layer: layer of a; −1 is the last.
        other_layer: layer of b (default: ``layer``).
        leaf: leaf of the state of a.
        other_leaf: leaf of the state of b (default: ``leaf``).
        window: steps at once.
        progress: called with the number of tokens read so far.

    Raises:
        ArgumentError: the vocabularies differ, or a layer or leaf does not exist.
    """
    check_same_vocabulary(a, b)
    split = as_split(a, text)
    states_a = states(a, split, layer, leaf=leaf, window=window, progress=progress)
    states_b = states(b, split, layer if other_layer is None else other_layer, leaf=other_leaf or leaf, window=window)
    sums: Moments | None = None
    for (_, x), (_, y) in zip(states_a, states_b, strict=True):
        if sums is None:
            sums = Moments(x, y)
        sums.add(x, y)
    assert sums is not None
    return UnitMatching(sums.correlation())


class Moments:
    """Running sums for (1) in float64, centred at the means of the first values ``x (T, A)``, ``y (T, B)``."""

    def __init__(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> None:
        self.centre = x.mean(0, dtype=np.float64), y.mean(0, dtype=np.float64)
        self.count = 0
        A, B = x.shape[1], y.shape[1]
        self.x, self.y, self.xx, self.yy, self.xy = (np.zeros(n) for n in (A, B, A, B, (A, B)))

    def add(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> None:
        """Add values of the same steps, ``x (T, A)`` and ``y (T, B)``."""
        p, q = x - self.centre[0], y - self.centre[1]
        self.count += len(p)
        self.x += p.sum(0)
        self.y += q.sum(0)
        self.xx += (p * p).sum(0)
        self.yy += (q * q).sum(0)
        self.xy += p.T @ q

    def correlation(self) -> Floats:
        """Return the correlations ``(A, B)``; 0 for a constant unit."""
        n = self.count
        var_x, var_y = self.xx - self.x**2 / n, self.yy - self.y**2 / n
        scale = np.sqrt(np.outer(var_x, var_y).clip(0))
        changes = np.outer(var_x > 1e-12 * n, var_y > 1e-12 * n)  # a standard deviation of 1e-6 is rounding error
        correlation = np.zeros_like(scale)
        np.divide(self.xy - np.outer(self.x, self.y) / n, scale, out=correlation, where=changes)
        return correlation.clip(-1, 1)
